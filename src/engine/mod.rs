//! Floor 4: the verbs. Each file holds the options, the plan, the work and the report of one.
