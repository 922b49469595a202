//! Turn chromatin into tokens: mark words and byte-level BPE.
