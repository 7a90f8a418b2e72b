//! How components run: what is read of units, environment files and configurations, and what is told where it is not.
