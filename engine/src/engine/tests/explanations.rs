//! What is said of a task to whoever asks why it is where it is.

use super::harness::check;

#[test]
fn each_stand_has_its_reason() {
    check(
        1,
        "
        submit busy call wait=0s
        > append busy accepted
        why x busy
        > read ReplyTo(1)
        durable
        > reply busy 202 queued
        > dispatch interactive busy#1
        why x busy
        > explain x running waits for nothing
        submit a call
        > append a accepted
        submit b call
        > append b accepted
        submit c call u=7
        > append c accepted
        submit d call delay=1s
        > append d accepted
        durable
        why x a
        > explain x queued waits for worker behind 0
        why x b
        > explain x queued waits for worker behind 1
        why x c
        > explain x queued waits for worker behind 2
        why x d
        > explain x queued waits for time
        fail busy
        > append busy retrying
        > dispatch interactive a#1 b#1 c#1
        why x busy
        > explain x running waits for disk
        durable
        why x busy
        > explain x retrying waits for time
        cancel y a
        > stop 0 of a
        > append a cancel-asked
        why x a
        > explain x running waits for nothing
    ",
    );
}

#[test]
fn whoever_stands_in_the_line_of_a_key_waits_for_that() {
    check(
        3,
        "
        submit a upsert wait=0s
        > append a accepted
        submit b upsert wait=0s
        > append b accepted
        durable
        > reply a 202 queued
        > reply b 202 queued
        > dispatch interactive a#1
        > dispatch interactive b#1
        puts a
        > append a succeeded
        puts b
        > append b succeeded
        conflict a 9
        > dispatch interactive a#1
        conflict b 9
        why x b
        > explain x queued waits for hot-key
    ",
    );
}
