//! The simulated organisation of which every archive in `tests/archives/` was made.

use genesys_simulator::Settings;

use crate::world::organisation;

/// Few and short conversations: the archives are kept in the repository.
pub fn settings() -> Settings {
    Settings {
        gateway_interactions: 3,
        ..organisation(1, 6)
    }
}
