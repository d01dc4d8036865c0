//! `copa`: patch container images without a container runtime.

fn main() {}
