"""The simulated core: functional execution of RV64GCV programs and the one-pass timing model."""
