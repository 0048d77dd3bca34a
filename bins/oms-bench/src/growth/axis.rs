//! What grows, to which sizes, and the catalogues for it.

use clap::ValueEnum;
use serde::Serialize;

use crate::dataset::{Dataset, Grid, UNIFORM};
use crate::options::Extent;
use crate::workload::{Scene, Workload};

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Axis {
    /// Warehouses, with stock in all of them, and with stock in the farthest 1 % only.
    Warehouses,
    /// Products, in four warehouses.
    Products,
    /// Orders that are already in the database, which are also read and replayed.
    Orders,
    /// Connections of clients.
    Connections,
}

impl Axis {
    pub(crate) const ALL: [Self; 4] = [
        Self::Warehouses,
        Self::Products,
        Self::Orders,
        Self::Connections,
    ];

    /// Its name on the command line and in the names of files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Warehouses => "warehouses",
            Self::Products => "products",
            Self::Orders => "orders",
            Self::Connections => "connections",
        }
    }

    /// Its name in charts.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Orders => "stored orders",
            Self::Warehouses | Self::Products | Self::Connections => self.name(),
        }
    }

    /// The measured sizes, smallest first.
    pub(super) const fn sizes(self, extent: Extent) -> &'static [u32] {
        match (self, extent) {
            (Self::Warehouses, Extent::Full) => &[20, 200, 2000, 10_000],
            (Self::Warehouses, Extent::Quick) => &[20, 200, 2000],
            (Self::Products, Extent::Full) => &[1000, 100_000, 1_000_000],
            (Self::Products, Extent::Quick) => &[1000, 10_000, 100_000],
            (Self::Orders, Extent::Full) => &[0, 500_000, 5_000_000],
            (Self::Orders, Extent::Quick) => &[0, 50_000, 500_000],
            (Self::Connections, Extent::Full) => &[1, 4, 16, 64, 256, 1000],
            (Self::Connections, Extent::Quick) => &[1, 64, 1000],
        }
    }
}

/// Half a degree between warehouses, so that 10,000 fit into a continent.
const CONTINENT: Grid = Grid {
    rows: 50,
    lat: 25.0,
    lng: -120.0,
    lat_step: 0.5,
    lng_step: 0.5,
};

/// This many warehouses and 100 products: either all have plenty of stock, or, as in `far`, only the farthest 1 %.
pub(super) fn warehouses(workload: Workload, count: u32) -> Scene {
    let demand = workload.scene().demand;
    let dataset = match workload {
        Workload::Far => Dataset::far("grown", count),
        _ => Dataset {
            name: "grown",
            warehouses: count,
            products: 100,
            grid: CONTINENT,
            stocked: (1, count),
            ..UNIFORM
        },
    };
    Scene { dataset, demand }
}

/// This many products in four warehouses.
pub(super) fn products(count: u32) -> Scene {
    Scene {
        dataset: Dataset {
            name: "grown",
            warehouses: 4,
            products: count,
            stocked: (1, 4),
            ..UNIFORM
        },
        demand: Workload::Uniform.scene().demand,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_increase_and_a_quick_run_omits_the_largest() {
        for axis in Axis::ALL {
            let (full, quick) = (axis.sizes(Extent::Full), axis.sizes(Extent::Quick));
            assert!(full.is_sorted() && quick.is_sorted());
            assert_eq!(full.first(), quick.first());
            assert!(full.last() >= quick.last(), "{axis:?}");
        }
    }

    #[test]
    fn every_warehouse_of_the_largest_catalogues_is_on_the_earth() {
        for workload in [Workload::Uniform, Workload::Far] {
            let Scene { dataset, .. } = warehouses(workload, 10_000);
            let places = (1..=dataset.warehouses).map(|number| dataset.place_of(number));
            for (lat, lng) in places {
                assert!(lat.abs() < 80.0 && lng.abs() < 179.0, "{lat} {lng}");
            }
        }
    }
}
