//! What a connection is acted out with: both parties' papers, and how each judges the other.

use std::sync::{Arc, Mutex};

use time::OffsetDateTime;

use super::files::{Pair, Trouble, Trust};
use super::foreign::Foreign;
use super::judge::Judge;
use super::node::{Admission, ServerTrust, Shows};
use super::plan::{Connection, Serves};
use super::report::NegativeKind;
use super::{RehearseError, Settings};
use crate::chain::Purpose;
use crate::tls::{ClientAuth, Identity, PeerJudge, Server};
use crate::x509::Name;

/// What all connections share.
pub(super) struct Stage<'a> {
    pub(super) settings: &'a Settings,
    pub(super) foreign: Foreign,
}

/// Both parties' papers, known to be usable.
pub(super) struct Papers {
    pub(super) client: Option<Identity>,
    pub(super) server: Identity,
    /// What the client verifies with; nothing when it verifies nobody.
    pub(super) trust: Option<Arc<Trust>>,
}

/// Takes whoever comes.
pub(super) struct Anybody;

impl PeerJudge for Anybody {
    fn judge(&self, _: &[&[u8]]) -> Result<(), String> {
        Ok(())
    }
}

impl<'a> Stage<'a> {
    pub(super) fn new(settings: &'a Settings) -> Result<Self, RehearseError> {
        Ok(Self { settings, foreign: Foreign::new(settings.at)? })
    }

    /// What both parties hold, or all that stands in the way.
    pub(super) fn papers(
        &self,
        connection: &Connection,
    ) -> Result<Result<Papers, Vec<Trouble>>, RehearseError> {
        let (client, server) = (&connection.client, &connection.server);
        let shown = client.shows.pair().map(|pair| pair.identity());
        let listening = server.shows.pair().map(|pair| pair.identity());
        let system =
            Trouble::Missing(format!("{} trusts the system's CAs, which are not here", client.called));
        let system = matches!(client.trusts, ServerTrust::System).then_some(&system);
        let trust = client.trusts.anchors();
        let anchors = trust.into_iter().chain(server.admits.trust()).map(|trust| trust.anchors.as_ref());
        let troubles: Vec<&Trouble> = (connection.trouble.iter().chain(system))
            .chain(shown.as_ref().and_then(|shown| shown.err()))
            .chain(listening.as_ref().and_then(|listening| listening.err()))
            .chain(anchors.filter_map(Result::err))
            .collect();
        if !troubles.is_empty() {
            return Ok(Err(troubles.into_iter().cloned().collect()));
        }
        let client = shown.and_then(Result::ok).cloned();
        let server = match listening {
            Some(Ok(identity)) => identity.clone(),
            _ => self.foreign.stand_in()?.0,
        };
        Ok(Ok(Papers { client, server, trust: self.trust(connection)? }))
    }

    /// What the client verifies with; nothing when it verifies nobody.
    fn trust(&self, connection: &Connection) -> Result<Option<Arc<Trust>>, RehearseError> {
        Ok(match &connection.client.trusts {
            ServerTrust::StandIn => Some(self.foreign.stand_in()?.1),
            trusts => trusts.anchors().cloned(),
        })
    }

    /// The server alone, where it can be had.
    pub(super) fn server(&self, connection: &Connection) -> Result<Option<Server>, RehearseError> {
        let is_known = connection.server.admits.trust().is_none_or(|trust| trust.anchors.is_ok());
        let identity = match &connection.server.shows {
            Serves::Pair(pair) => pair.identity().ok().cloned(),
            Serves::StandIn => Some(self.foreign.stand_in()?.0),
            Serves::Unknown => None,
        };
        let identity = identity.filter(|_| is_known && connection.trouble.is_none());
        Ok(identity.map(|identity| connection.listening(identity, self.server_judge(connection))))
    }

    /// The client's judgement alone, where what it trusts is here.
    pub(super) fn client(&self, connection: &Connection) -> Result<Option<Arc<Judge>>, RehearseError> {
        let is_known = match &connection.client.trusts {
            ServerTrust::Anchors(trust) => trust.anchors.is_ok(),
            ServerTrust::System => false,
            ServerTrust::Anyone { .. } | ServerTrust::StandIn => true,
        };
        let trust = self.trust(connection)?;
        Ok((is_known && connection.trouble.is_none()).then(|| self.client_judge(connection, trust)))
    }

    /// How the client judges the server.
    pub(super) fn client_judge(&self, connection: &Connection, trust: Option<Arc<Trust>>) -> Arc<Judge> {
        let dialled = connection.dialled.clone().map(|name| (name, connection.client.called.clone()));
        Arc::new(Judge {
            dialled,
            ..self.judge(Purpose::Server, trust, connection.server.shows.pair().cloned())
        })
    }

    /// How the server judges the client.
    pub(super) fn server_judge(&self, connection: &Connection) -> Arc<Judge> {
        let trust = connection.server.admits.trust().cloned();
        let rules = connection.server.rules.clone();
        Arc::new(Judge {
            rules,
            ..self.judge(Purpose::Client, trust, connection.client.shows.pair().cloned())
        })
    }

    fn judge(&self, purpose: Purpose, trust: Option<Arc<Trust>>, shown: Option<Arc<Pair>>) -> Judge {
        let (policy, at): (_, OffsetDateTime) = (self.settings.policy, self.settings.at);
        Judge { policy, at, purpose, dialled: None, trust, shown, rules: Vec::new(), found: Mutex::new(None) }
    }
}

impl Connection {
    /// The server with this identity.
    pub(super) fn listening(&self, identity: Identity, judge: Arc<dyn PeerJudge>) -> Server {
        let admits = &self.server.admits;
        let anchors = admits.trust().and_then(|trust| trust.anchors.as_deref().ok()).unwrap_or_default();
        let acceptable_cas: Vec<Name> =
            anchors.iter().map(|anchor| anchor.certificate.tbs.subject.clone()).collect();
        Server { identity, client_auth: admits.client_auth(), acceptable_cas, judge }
    }

    /// The file to blame where something goes through that must not.
    pub(super) fn blamed(&self, kind: NegativeKind) -> String {
        match (kind, self.server.shows.pair()) {
            (NegativeKind::ForeignServer, _) | (_, None) => self.client.file.clone(),
            (_, Some(pair)) => pair.certificate.path.clone(),
        }
    }
}

impl Shows {
    /// The certificate and the key that are shown.
    pub(super) fn pair(&self) -> Option<&Arc<Pair>> {
        match self {
            Self::Pair(pair) => Some(pair),
            Self::Nothing(_) => None,
        }
    }
}

impl Serves {
    /// The certificate and the key that are shown.
    pub(super) fn pair(&self) -> Option<&Arc<Pair>> {
        match self {
            Self::Pair(pair) => Some(pair),
            Self::StandIn | Self::Unknown => None,
        }
    }
}

impl ServerTrust {
    /// The CAs, where they are here.
    pub(super) fn anchors(&self) -> Option<&Arc<Trust>> {
        match self {
            Self::Anchors(trust) => Some(trust),
            _ => None,
        }
    }
}

impl Admission {
    /// Whom it knows.
    pub(super) fn trust(&self) -> Option<&Arc<Trust>> {
        match self {
            Self::Asked { trust, .. } | Self::Required(trust) => Some(trust),
            _ => None,
        }
    }

    fn client_auth(&self) -> ClientAuth {
        match self {
            Self::Asked { .. } => ClientAuth::Asked,
            Self::Required(_) => ClientAuth::Required,
            _ => ClientAuth::NotAsked,
        }
    }

    /// Its name for programs.
    pub(super) fn id(&self) -> Option<&'static str> {
        match self {
            Self::Asked { .. } => Some("asked"),
            Self::Required(_) => Some("required"),
            Self::NotAsked(_) => Some("notAsked"),
            Self::Unknown(_) => None,
        }
    }
}
