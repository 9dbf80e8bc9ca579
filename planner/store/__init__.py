"""The only rooms that know SQL: tables, the event log, the ledger of notices and mails."""
