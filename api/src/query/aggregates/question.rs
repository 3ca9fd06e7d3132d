//! All parameters of a request for aggregates: their errors, and what they ask for.

use poem::Request;
use readings::energy::calendar::{BucketError, Buckets, Interval, Zone};
use readings::energy::integration::{Aggregation, Integration, MaxGap, Rules};
use readings::store::rollups::Question;

use super::default_range::Moments;
use super::parameters::{
    CombineName, FillName, IntegrationName, IntervalName, Length, MaxGapText, Points, ZoneName,
};
use crate::error_body::ValidationErrorItem;
use crate::parameter::{Checked, Parameter, ParameterError};
use crate::query::selection::{End, Start};
use crate::unknown_parameters::unknown_parameters;

/// The parameters of a range, as sent.
pub(super) struct SentRange {
    pub start: Checked<Start>,
    pub end: Checked<End>,
    pub tz: Checked<ZoneName>,
    pub max_gap: Checked<MaxGapText>,
    pub devices: Vec<String>,
}

/// The parameters of buckets, as sent.
pub(super) struct SentBuckets {
    pub range: SentRange,
    pub interval: Checked<IntervalName>,
    pub points: Checked<Points>,
    pub fill: Checked<FillName>,
    pub combine: Checked<CombineName>,
    pub integration: Checked<IntegrationName>,
}

/// What a valid request asks for, and how times are written.
pub(super) struct Wanted {
    pub question: Question,
    pub zone: Zone,
}

/// Buckets, and how they are written.
pub(super) struct WantedBuckets {
    pub wanted: Wanted,
    pub interval: Interval,
    /// Whether buckets that have nothing are written.
    pub fill: bool,
    /// Whether devices are summed.
    pub sum: bool,
}

type Errors = Vec<ValidationErrorItem>;

/// The parameters of a range of which each is valid.
struct ValidRange {
    moments: Moments,
    zone: Zone,
    max_gap: MaxGap,
    devices: Vec<String>,
}

impl SentRange {
    /// The range as one bucket.
    ///
    /// # Errors
    /// One item for each error.
    pub fn question(self, request: &Request) -> Result<Wanted, Errors> {
        const KNOWN: [&str; 5] = ["start", "end", "tz", "max_gap", "device_id"];
        let mut errors = unknown_parameters(request, &KNOWN);
        let valid = self.valid(&mut errors).filter(|_| errors.is_empty()).ok_or(errors)?;
        let range = valid.moments.of_day(valid.zone).map_err(of_range)?;
        let buckets = Buckets::one(range).map_err(of_buckets)?;
        Ok(valid.wanted(buckets, Integration::Step))
    }

    /// `None` with an error.
    fn valid(self, errors: &mut Errors) -> Option<ValidRange> {
        let start = valid(self.start, errors);
        let end = valid(self.end, errors);
        let zone = valid(self.tz, errors);
        let max_gap = valid(self.max_gap, errors);
        let moments = Moments { start: start?, end: end? };
        Some(ValidRange { moments, zone: zone?, max_gap: max_gap?, devices: self.devices })
    }
}

impl ValidRange {
    fn wanted(self, buckets: Buckets, integration: Integration) -> Wanted {
        let rules = Rules { integration, max_gap: self.max_gap };
        let aggregation = Aggregation { buckets, rules };
        let devices = self.devices.into_iter().collect();
        Wanted { question: Question { aggregation, devices }, zone: self.zone }
    }
}

impl SentBuckets {
    /// The buckets that the parameters mean.
    ///
    /// # Errors
    /// One item for each error.
    pub fn question(self, request: &Request) -> Result<WantedBuckets, Errors> {
        const KNOWN: [&str; 10] = [
            "start",
            "end",
            "interval",
            "points",
            "tz",
            "device_id",
            "fill",
            "max_gap",
            "combine",
            "integration",
        ];
        let mut errors = unknown_parameters(request, &KNOWN);
        let range = self.range.valid(&mut errors);
        let length = valid(self.interval, &mut errors);
        let points = valid(self.points, &mut errors);
        let fill = valid(self.fill, &mut errors);
        let sum = valid(self.combine, &mut errors);
        let integration = valid(self.integration, &mut errors);
        if let (Some(Length::Of(_)), Some(Some(_))) = (length, points) {
            let reason = "points is for interval=auto";
            errors.push(ParameterError::value_error(reason).at(Points::LOCATION, None));
        }
        let valid = || Some((range?, length?, points?, fill?, sum?, integration?));
        let Some((range, length, points, fill, sum, integration)) =
            valid().filter(|_| errors.is_empty())
        else {
            return Err(errors);
        };
        let (interval, buckets) = buckets(&range, length, points)?;
        Ok(WantedBuckets { wanted: range.wanted(buckets, integration), interval, fill, sum })
    }
}

fn buckets(
    valid: &ValidRange,
    length: Length,
    points: Option<usize>,
) -> Result<(Interval, Buckets), Errors> {
    let range = valid.moments.of_buckets(length, valid.zone).map_err(of_range)?;
    let buckets = match length {
        Length::Auto => Buckets::at_most(Points::or_default(points), range, valid.zone),
        Length::Of(interval) => {
            Buckets::new(range, interval, valid.zone).map(|buckets| (interval, buckets))
        }
    };
    buckets.map_err(of_buckets)
}

fn of_range(error: ParameterError) -> Errors {
    vec![error.at(Start::LOCATION, None)]
}

fn of_buckets(error: BucketError) -> Errors {
    let location = match error {
        BucketError::TooMany { .. } => IntervalName::LOCATION,
        BucketError::OutsideOfCalendar => Start::LOCATION,
    };
    vec![ParameterError::value_error(&error.to_string()).at(location, None)]
}

fn valid<P: Parameter>(checked: Checked<P>, errors: &mut Errors) -> Option<P::Value> {
    checked.0.map_err(|error| errors.push(error)).ok()
}
