//! STIX 2.1 objects, kept as the bytes received.
