//! Train neural networks on chromex datasets: one trainer, shared blocks, checkpoints that resume to the same bits.
