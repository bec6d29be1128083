//! Clocks and forms of incidents under NIS2 and CER.
