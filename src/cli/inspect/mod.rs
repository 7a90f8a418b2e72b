//! `kpki inspect`: what files hold, whatever their names.

mod facts;
mod gather;
mod keys;
mod lists;
mod short;
mod text;
mod view;

use std::path::PathBuf;

use clap::ValueEnum;
use kpki::inspect::{Content, Inspected};

use super::output::{self, BAD, styled};
use super::{Context, Failure, Status};
use gather::{Gathered, GatheredFile};
use view::views;

const EXAMPLES: &str = "\
Examples:
  kpki inspect /etc/kubernetes/pki/apiserver.crt
  kpki inspect -s /etc/kubernetes/pki /etc/kubernetes/*.conf      one line for each thing in them
  kpki inspect apiserver.crt apiserver.key ca.crt                 also says which key is whose, and who signed what
  kubectl get secret web-tls -o yaml | kpki inspect -
  kubectl get csr -o json | kpki inspect -s -
  kpki inspect -o json bundle.pem | jq -r '.[].items[].certificate.fingerprintSha256'
  kpki inspect -o pem admin.conf > certificates.pem               the certificates in it; never its key

What a file is, its bytes say: PEM with any number of blocks, DER, kubeconfigs, Secrets, ConfigMaps and other objects of
Kubernetes in YAML or JSON. Of private keys only what is public is shown. What is written otherwise than its standard
says is shown as odd, with the section.

Exit codes: 0 everything could be read, 1 something is broken, unknown or was held back, 2 a file could not be opened.";

/// The form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum Form {
    /// For people.
    #[default]
    Text,
    /// For programs, with everything.
    Json,
    /// The certificates, requests, revocation lists and public keys, as clean PEM.
    Pem,
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The files; directories, with everything below them; - for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Form,
    /// One line for each thing.
    #[arg(short, long)]
    short: bool,
    /// With -o pem: print private keys as well.
    #[arg(long)]
    private_keys: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Status, Failure> {
    if args.short && args.output != Form::Text {
        return Err(Failure::new("--short is a form of text; it goes with no other -o"));
    }
    if args.private_keys && args.output != Form::Pem {
        return Err(Failure::new("--private-keys goes with -o pem; nothing else shows a private key"));
    }
    let Gathered { files, failures } = gather::read(&args.files);
    // In a directory, what is nothing of a PKI is no matter.
    let unclean =
        |file: &GatheredFile| file.inspected.is_broken() || (file.asked && file.inspected.is_unknown());
    let mut clean = !files.iter().any(unclean);
    let inspected: Vec<Inspected> = files.into_iter().map(|file| file.inspected).collect();
    if args.output == Form::Pem {
        clean &= print_pem(&inspected, args.private_keys)?;
    } else if !inspected.is_empty() {
        let catalogue = context.catalogue()?;
        let views = views(&inspected, &catalogue, context.now, args.output == Form::Json);
        match args.output {
            Form::Json => output::print_json(&views)?,
            _ if args.short => output::print(short::table(&views, context.now))?,
            _ => output::print(text::files(&views, context.now))?,
        }
    }
    match failures.into_iter().reduce(|first, next| {
        first.report();
        next
    }) {
        Some(last) => Err(last),
        None if clean => Ok(Status::Done),
        None => Ok(Status::Refused),
    }
}

/// Prints everything that has a block. Says what is left out, and whether that was nothing.
fn print_pem(files: &[Inspected], private_keys: bool) -> Result<bool, Failure> {
    let mut clean = true;
    for file in files {
        for item in file.all() {
            let secret = matches!(item.content, Content::PrivateKey(_));
            let place = place(file, item.place.lines.map(|(line, _)| line));
            if secret && !private_keys {
                let hint = "--private-keys prints it as well";
                output::inform(format!(
                    "{} {place}: a private key was left out; {hint}",
                    styled(BAD, "refused:")
                ))?;
                clean = false;
                continue;
            }
            match item.to_pem() {
                Some(pem) => output::print_bytes(pem.as_bytes())?,
                None if secret => {
                    let why =
                        "its encryption has no place in a clean block; convert it with openssl pkcs8 -topk8";
                    output::inform(format!("{} {place}: left out: {why}", styled(BAD, "refused:")))?;
                    clean = false;
                }
                None => {}
            }
            for fault in &item.faults {
                output::inform(format!("{} {place}: {fault}", styled(BAD, "broken:")))?;
            }
        }
    }
    Ok(clean)
}

fn place(file: &Inspected, line: Option<usize>) -> String {
    let name = output::path(std::path::Path::new(&file.file));
    line.map_or_else(|| name.clone(), |line| format!("{name}:{line}"))
}
