//! How a stranger checks the log: RFC 6962 arithmetic, signed notes, checkpoints, receipts.
