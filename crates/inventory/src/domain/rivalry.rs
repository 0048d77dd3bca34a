//! Demands that are routed together, and how they can get into each other's way.
//!
//! A demand that is served after others may find that they left too little where it would have gone. How many candidates
//! have to be looked at, so that its choice is the same as if it had come alone after them, is known beforehand: one that
//! has enough for all of them is enough, and so is one more that fits than there are others, because each of those takes
//! from one warehouse only.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::ProductId;
use crate::domain::demand::Demand;
use crate::domain::routing::{Candidate, RoutingRequest};

/// Requests that want the same for the same place: their candidates are looked up once.
pub(crate) struct Group<'a> {
    pub(crate) request: RoutingRequest<'a>,
    /// For each product of the demand, the pieces that all others routed together want of it.
    others: Vec<i64>,
    /// How many of the others want some product of the demand.
    pub(crate) rivals: usize,
}

/// The groups of requests, and the group of each request.
pub(crate) fn group<'a>(requests: &[RoutingRequest<'a>]) -> (Vec<Group<'a>>, Vec<usize>) {
    let wanted = Wanted::by(requests);
    let (mut groups, mut index) = (Vec::new(), HashMap::new());
    let group_of = requests.iter().map(|request| {
        let place = request.destination;
        let key = (place.lat().to_bits(), place.lng().to_bits(), request.demand);
        *index.entry(key).or_insert_with(|| {
            groups.push(wanted.group(*request));
            groups.len() - 1
        })
    });
    let group_of = group_of.collect();
    (groups, group_of)
}

/// Who wants what of everything.
struct Wanted {
    pieces: BTreeMap<ProductId, i64>,
    by: BTreeMap<ProductId, Vec<usize>>,
}

impl Wanted {
    fn by(requests: &[RoutingRequest<'_>]) -> Self {
        let (mut pieces, mut by) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
        for (number, request) in requests.iter().enumerate() {
            for (product, quantity) in request.demand.iter() {
                *pieces.entry(product).or_default() += i64::from(quantity);
                by.entry(product).or_default().push(number);
            }
        }
        Self { pieces, by }
    }

    fn group<'a>(&self, request: RoutingRequest<'a>) -> Group<'a> {
        let others = request
            .demand
            .iter()
            .map(|(product, quantity)| self.pieces[&product] - i64::from(quantity));
        let products = request.demand.iter().map(|(product, _)| product);
        let interested: BTreeSet<usize> = products
            .flat_map(|product| self.by[&product].iter().copied())
            .collect();
        Group {
            request,
            others: others.collect(),
            rivals: interested.len() - 1,
        }
    }
}

impl Group<'_> {
    /// Whether these candidates, the nearest there are, are enough for every request of the group.
    pub(crate) fn is_settled_by(&self, candidates: &[Candidate]) -> bool {
        let fitting = candidates
            .iter()
            .filter(|candidate| candidate.fits(self.request.demand));
        fitting.clone().count() > self.rivals || fitting.clone().any(|it| self.has_for_all(it))
    }

    fn has_for_all(&self, candidate: &Candidate) -> bool {
        let levels = self.request.demand.iter().zip(&candidate.available);
        levels
            .zip(&self.others)
            .all(|(((_, quantity), available), others)| {
                i64::from(*available) >= i64::from(quantity) + others
            })
    }
}

impl Candidate {
    fn fits(&self, demand: &Demand) -> bool {
        let levels = demand.iter().zip(&self.available);
        levels
            .into_iter()
            .all(|((_, quantity), available)| *available >= quantity)
    }
}
