"""What the words mean: plans, tasks, deadlines, figures. Pure: no SQL, no files, no clock (`today` is a parameter)."""
