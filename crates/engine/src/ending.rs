//! How a computation ended. Not finding an answer is a value, never a silent default.

/// Ending of a solve or a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// An answer within tolerance.
    Solved,
    /// A matrix was singular.
    Singular,
    /// No dispatch satisfies the limits.
    Infeasible,
    /// The objective falls without limit.
    Unbounded,
    /// A cost is not convex, so that a minimum found could be a local one.
    NotConvex,
    /// A cost has a power above the square.
    CostDegree,
    /// A limit on iterations was reached first.
    IterationLimit,
    /// States at one instant kept changing.
    NotSettled,
    /// More events than the bound.
    EventLimit,
    /// An island has demand and nothing that feeds it.
    NoSource,
    /// A number in the data is not finite.
    NotANumber,
}

impl Ending {
    /// One word for files and screens.
    pub fn name(self) -> &'static str {
        match self {
            Ending::Solved => "solved",
            Ending::Singular => "singular",
            Ending::Infeasible => "infeasible",
            Ending::Unbounded => "unbounded",
            Ending::NotConvex => "not_convex",
            Ending::CostDegree => "cost_degree",
            Ending::IterationLimit => "iteration_limit",
            Ending::NotSettled => "not_settled",
            Ending::EventLimit => "event_limit",
            Ending::NoSource => "no_source",
            Ending::NotANumber => "not_a_number",
        }
    }

    /// The worse of two endings.
    #[must_use]
    pub fn and(self, other: Ending) -> Ending {
        self.max(other)
    }
}
