//! chromex.
