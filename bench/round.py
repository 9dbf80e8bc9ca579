"""Run `bench/whole_round.py`: `python -m bench.round`.

Apart from it, because each process that writes mails loads anew the module that was started: the program's is small.
"""

from __future__ import annotations

if __name__ == "__main__":
    from bench.whole_round import main

    main()
