#![no_main]

libfuzzer_sys::fuzz_target!(init: copa_fuzz::let_the_crate_panic(), |data: &[u8]| {
    copa_pkg::fuzz::package(data);
    copa_fuzz::package(data);
});
