//! Dividing an amount among parts without losing a unit.

/// Divides an amount in proportion to weights by the largest remainder; ties go to the first. The parts sum to the
/// amount. If the amount is at most the sum of the weights, no part exceeds its weight. Without any positive weight, the
/// first part is the whole amount.
///
/// Amounts and weights must not be negative, and their products must fit into 128 bits.
pub(crate) fn apportion(amount: i128, weights: &[i128]) -> Vec<i128> {
    let sum: i128 = weights.iter().sum();
    if sum == 0 {
        let first = std::iter::once(amount).chain(std::iter::repeat(0));
        return first.take(weights.len()).collect();
    }
    let mut parts: Vec<i128> = weights.iter().map(|weight| amount * weight / sum).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    // The sort is stable.
    order.sort_by_key(|index| std::cmp::Reverse(amount * weights[*index] % sum));
    let rest = amount - parts.iter().sum::<i128>();
    let rest = usize::try_from(rest).expect("the rest is smaller than the number of parts");
    for index in order.into_iter().take(rest) {
        parts[index] += 1;
    }
    parts
}

/// The share of the first `k` of `n` equal units in an amount. So the units after `i` up to `j` have the share of `j`
/// less the share of `i`, and any division of the units sums to the amount.
pub(crate) fn share_of_first(amount: i64, k: i32, n: i32) -> i64 {
    let share = i128::from(amount) * i128::from(k) / i128::from(n);
    i64::try_from(share).expect("a share of an amount is not larger than the amount")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_largest_remainders_get_the_rest() {
        assert_eq!(apportion(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(apportion(100, &[10, 80, 10]), [10, 80, 10]);
        assert_eq!(apportion(10, &[1, 2, 4]), [1, 3, 6]);
        assert_eq!(apportion(5, &[0, 0]), [5, 0]);
        assert_eq!(apportion(0, &[3, 4]), [0, 0]);
    }

    #[test]
    fn three_equal_units_of_an_odd_amount_lose_nothing() {
        let shares: Vec<i64> = (0..3)
            .map(|k| share_of_first(1000, k + 1, 3) - share_of_first(1000, k, 3))
            .collect();
        assert_eq!(shares, [333, 333, 334]);
    }

    proptest! {
        #[test]
        fn the_parts_sum_to_the_amount(
            amount in 0..1_000_000_000_000_i128,
            weights in prop::collection::vec(0..1_000_000_000_000_i128, 1..100),
        ) {
            let parts = apportion(amount, &weights);
            prop_assert_eq!(parts.iter().sum::<i128>(), amount);
            let sum: i128 = weights.iter().sum();
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(*part >= 0);
                if sum > 0 {
                    prop_assert!((part * sum - amount * weight).abs() < sum, "more than a unit off");
                }
                if amount <= sum {
                    prop_assert!(part <= weight);
                }
            }
        }

        #[test]
        fn any_division_of_the_units_sums_to_the_amount(
            amount in 0..1_000_000_000_000_i64,
            groups in prop::collection::vec(1..1000_i32, 1..20),
        ) {
            let n: i32 = groups.iter().sum();
            let (mut before, mut sum) = (0, 0);
            for group in groups {
                let share = share_of_first(amount, before + group, n) - share_of_first(amount, before, n);
                prop_assert!(share >= 0);
                sum += share;
                before += group;
            }
            prop_assert_eq!(sum, amount);
        }
    }
}
