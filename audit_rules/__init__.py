"""What is asked: policies, reference facts and rules. Pure: frames in, frames out."""
