//! Searches the parser of windows of a BED.

#![cfg_attr(fuzzing, no_main)]

chromex_fuzz::target!(chromex_fuzz::parsers::bed_windows);
