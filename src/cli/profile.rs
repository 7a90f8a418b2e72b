//! `kpki profile`: what may be issued.

use kpki::profile::Profile;
use serde::Serialize;

use super::output::{self, Format};
use super::{Context, Failure, Status};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the profiles.
    #[command(
        after_help = "Examples:\n  kpki profile list\n  kpki profile list --profiles my-profiles/ -o json"
    )]
    List {
        /// How to print.
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Print a profile's file: a point to start from for one of your own.
    #[command(after_help = "Examples:\n  kpki profile show user > my-profiles/user.yaml")]
    Show {
        /// Its name.
        name: String,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    name: &'a str,
    issuer: String,
    usages: Vec<String>,
    lifetime: String,
    longest: String,
    description: &'a str,
}

impl<'a> Row<'a> {
    fn of(profile: &'a Profile) -> Self {
        let purposes = profile.extended_key_usage().iter().map(ToString::to_string);
        let usages = if profile.is_ca() { vec!["CA".into()] } else { purposes.collect() };
        Self {
            name: profile.name(),
            issuer: profile.issuer().to_string(),
            usages,
            lifetime: profile.default_lifetime().to_string(),
            longest: profile.max_lifetime().to_string(),
            description: profile.description(),
        }
    }
}

pub(super) fn run(context: &Context, command: &Command) -> Result<Status, Failure> {
    let catalogue = context.catalogue()?;
    match command {
        Command::List { output: format } => {
            let profiles = catalogue.profiles().collect::<Result<Vec<_>, _>>()?;
            let rows: Vec<Row<'_>> = profiles.into_iter().map(Row::of).collect();
            if *format == Format::Json {
                output::print_json(&rows)?;
            } else {
                let lines = rows.into_iter().map(|row| {
                    let first = row.description.split(". ").next().unwrap_or_default().trim_end_matches('.');
                    vec![row.name.into(), row.issuer, row.usages.join(" "), row.lifetime, first.to_owned()]
                });
                output::print(output::table(
                    &["PROFILE", "ISSUER", "FOR", "LIFETIME", "DESCRIPTION"],
                    lines,
                ))?;
            }
        }
        Command::Show { name } => {
            catalogue.find(name)?;
            let text = catalogue.file(name).unwrap_or_default();
            output::print_bytes(text.as_bytes())?;
        }
    }
    Ok(Status::Done)
}
