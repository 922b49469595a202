//! Searches the parser of genes of annotations and lists.

#![cfg_attr(fuzzing, no_main)]

chromex_fuzz::target!(chromex_fuzz::parsers::genes);
