"""The functional interpreter of scalar instructions: its loop, number formats, rounding and state."""
