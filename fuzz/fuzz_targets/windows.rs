//! Searches the parser of a file of windows.

#![cfg_attr(fuzzing, no_main)]

chromex_fuzz::target!(chromex_fuzz::parsers::windows);
