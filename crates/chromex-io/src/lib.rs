//! Readers and writers for histone-mark counts and gene expression, and a simulator with a planted truth.
