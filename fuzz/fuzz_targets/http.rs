#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| overtime_fuzz_targets::http::run(data));
