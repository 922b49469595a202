//! Tables, plots and run folders for chromex experiments.
