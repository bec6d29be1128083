//! A running node from outside: the built binary, over TLS, with a client that helps with nothing.

mod clauses;
mod hostile;
mod http;
mod kill;
mod node;
mod random;
