//! Patterns of STIX 2.1 (section 9).
