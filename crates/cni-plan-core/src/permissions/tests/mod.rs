mod needs;
mod properties;
mod roles;
