#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| copa_pkg::fuzz::deb(data));
