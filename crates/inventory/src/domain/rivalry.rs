//! Competition for stock between demands that are routed together.
//!
//! A demand may find that earlier ones left too little stock in the nearest warehouse. To choose as if it were routed
//! alone after them, it needs a bounded number of candidates: either one that has enough for all demands, or one more
//! fitting candidate than there are rivals, because each rival takes stock from one warehouse only.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oms_validation::ProductId;

use crate::domain::demand::Demand;
use crate::domain::routing::{Candidate, RoutingRequest};

/// Requests with the same demand and destination, which share one search for candidates.
pub(crate) struct Group<'a> {
    pub(crate) request: RoutingRequest<'a>,
    /// For each product of the demand, the units that all other requests want.
    others: Vec<i64>,
    /// The number of other requests that want any product of the demand.
    pub(crate) rivals: usize,
}

/// Returns the groups, and the index of each request's group.
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

/// The total demand by product, and the requests that want each product.
struct Wanted {
    units: BTreeMap<ProductId, i64>,
    by: BTreeMap<ProductId, Vec<usize>>,
}

impl Wanted {
    fn by(requests: &[RoutingRequest<'_>]) -> Self {
        let (mut units, mut by) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
        for (number, request) in requests.iter().enumerate() {
            for (product, quantity) in request.demand.iter() {
                *units.entry(product).or_default() += i64::from(quantity);
                by.entry(product).or_default().push(number);
            }
        }
        Self { units, by }
    }

    fn group<'a>(&self, request: RoutingRequest<'a>) -> Group<'a> {
        let others = request
            .demand
            .iter()
            .map(|(product, quantity)| self.units[&product] - i64::from(quantity));
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
    /// Whether these nearest candidates suffice for every request of the group.
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
    /// Whether it can fill a demand alone.
    pub(crate) fn fits(&self, demand: &Demand) -> bool {
        let levels = demand.iter().zip(&self.available);
        levels
            .into_iter()
            .all(|((_, quantity), available)| *available >= quantity)
    }
}
