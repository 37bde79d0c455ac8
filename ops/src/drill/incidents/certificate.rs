//! The listener shows a certificate that has ended. Weeks before, the days to its end are a metric.

use std::time::Instant;

use anyhow::ensure;

use crate::drill::incident::{Alarm, Callers, Incident, Injected, Observed, Over};
use crate::stage::certificate;

pub(super) const EXPIRED: Incident = Incident {
    name: "certificate-expired",
    what: "the listener shows a certificate that ended yesterday",
    inject: |drill| {
        Box::pin(async {
            let stage = &drill.stage;
            let expired = certificate::make_expired(&stage.folder, "expired").await?;
            let before = certificate::refused(stage, &stage.certificate.public).await?;
            let begun = Instant::now();
            stage.balancer.show_certificate(&stage.certificate.pem, &expired.pem).await?;
            let text = certificate::refused(stage, &expired.public).await?.unwrap_or_default();
            let good = before.is_none() && text.contains("expired");
            let observed = Some(Observed { after: begun.elapsed().as_secs_f32(), good, text });
            let renew = Injected::now(|drill| {
                Box::pin(async {
                    let stage = &drill.stage;
                    let renewed = certificate::make(&stage.folder, "renewed", 30).await?;
                    stage.balancer.show_certificate(&stage.certificate.pem, &renewed.pem).await?;
                    let refused = certificate::refused(stage, &renewed.public).await?;
                    ensure!(refused.is_none(), "{refused:?}");
                    Ok(())
                })
            });
            Ok(Injected { begun, observed, ..renew })
        })
    },
    sign: ("callers refuse it", "curl"),
    // What ACM would have counted: 20 days to the end, and 198 once it was renewed.
    alarms: &[(
        "certificate-expiring",
        Alarm::Daily("certificate-expiring", "DaysToExpiry", 20.0, 198.0),
    )],
    // Their way has no TLS.
    callers: Callers::AreElsewhere,
    recovery: ("a new one is taken", ""),
    over: Over::Mitigated,
    ..Incident::COMMON
};
