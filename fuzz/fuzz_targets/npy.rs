//! Searches the parser of windows of an npy array.

#![cfg_attr(fuzzing, no_main)]

chromex_fuzz::target!(chromex_fuzz::parsers::npy);
