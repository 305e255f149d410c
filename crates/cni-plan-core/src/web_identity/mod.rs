//! A service account's token exchanged for a role's credentials, as the plugin's SDK does it: what is
//! tried before any pod takes the role, and what is wrong when the role lets nobody in.
//!
//! Who makes tokens and who takes them are two adapters that never see one another: the command hands
//! a [`RoleTrial`] of the one to the other. A token is a secret: it has no text but where it is sent.

mod refusal;
mod token;
mod trial;

pub use refusal::{Refusal, RefusalCause, why_refused};
pub use token::{TokenClaims, WebIdentityToken};
pub use trial::{RoleTrial, Trial};
