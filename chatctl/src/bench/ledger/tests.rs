use super::*;

/// Two connections in one conversation, whose last message is number 10, and this many sends.
fn ledger(sends: u64) -> Ledger {
    let mut ledger = Ledger::new(1, [(0, 10), (0, 10)]);
    for _ in 0..sends {
        ledger.sent(0, Instant::now());
    }
    ledger
}

/// The sends come to the seats in the order of these numbers, and are acknowledged.
fn faults(sends: u64, first: &[u64], second: &[u64]) -> Faults {
    let mut ledger = ledger(sends);
    for (seat, numbers) in [first, second].into_iter().enumerate() {
        for number in numbers {
            ledger.delivered(seat, 11 + number, *number, Instant::now());
        }
    }
    for number in 0..sends {
        ledger.acked(number, Some(11 + number), Instant::now());
    }
    ledger.close()
}

#[test]
fn everything_in_turn_is_no_fault() {
    assert_eq!(faults(4, &[0, 1, 2, 3], &[0, 1, 2, 3]), Faults::default());
}

#[test]
fn a_gap_is_lost() {
    assert_eq!(faults(4, &[0, 1, 3], &[0, 1, 2, 3]), Faults { lost: 1, ..Faults::default() });
    assert_eq!(faults(4, &[0, 1, 2], &[]), Faults { lost: 5, ..Faults::default() });
}

#[test]
fn a_double_is_duplicated() {
    assert_eq!(faults(3, &[0, 1, 1, 2], &[0, 1, 2, 0]), Faults { duplicated: 2, ..Faults::default() });
}

#[test]
fn a_swap_is_out_of_order_and_not_lost() {
    assert_eq!(faults(4, &[0, 2, 1, 3], &[0, 1, 2, 3]), Faults { out_of_order: 1, ..Faults::default() });
    assert_eq!(faults(4, &[3, 0, 1, 2], &[0, 1, 2, 3]), Faults { out_of_order: 3, ..Faults::default() });
}

#[test]
fn a_send_that_stands_twice_is_duplicated() {
    let mut ledger = ledger(1);
    let now = Instant::now();
    for seat in 0..2 {
        ledger.delivered(seat, 11, 0, now);
        ledger.delivered(seat, 12, 0, now);
    }
    ledger.acked(0, Some(11), now);
    assert_eq!(ledger.close(), Faults { duplicated: 2, ..Faults::default() });
}

#[test]
fn what_was_stored_and_told_nobody_is_lost() {
    let mut ledger = ledger(1);
    assert!(!ledger.is_settled());
    ledger.acked(0, Some(11), Instant::now());
    assert_eq!(ledger.close(), Faults { lost: 2, ..Faults::default() });
}

#[test]
fn an_answer_that_does_not_come_is_a_fault_and_so_is_a_second() {
    assert_eq!(ledger(2).close(), Faults { unanswered: 2, ..Faults::default() });
    let mut twice = ledger(1);
    twice.refused(Some(0), String::new());
    twice.refused(Some(0), String::new());
    assert_eq!(twice.close(), Faults { refused: 1, strange: 1, ..Faults::default() });
}

#[test]
fn what_was_never_sent_is_strange() {
    let mut ledger = ledger(1);
    ledger.delivered(0, 11, 5, Instant::now());
    ledger.delivered(0, 1 << 60, 0, Instant::now());
    assert_eq!(ledger.close().strange, 2);
}
