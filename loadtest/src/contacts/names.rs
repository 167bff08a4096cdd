//! What contacts are called and where they work. Nothing here needs escaping in JSON or CSV.

pub(super) const FIRST_NAMES: &[&str] = &[
    "Ada",
    "Alan",
    "Amara",
    "André",
    "Anika",
    "Barbara",
    "Bjarne",
    "Björn",
    "Carlos",
    "Chloé",
    "Dennis",
    "Edsger",
    "Elif",
    "Emre",
    "Fatima",
    "Frances",
    "Grace",
    "Hedy",
    "Hiroshi",
    "Ingrid",
    "Ivan",
    "Jean",
    "José",
    "Katherine",
    "Ken",
    "Leila",
    "Leslie",
    "Margaret",
    "Mei",
    "Nadia",
    "Niklaus",
    "Olga",
    "Priya",
    "Radia",
    "Ravi",
    "Søren",
    "Tim",
    "Uma",
    "Yuki",
    "Zoë",
];

pub(super) const LAST_NAMES: &[&str] = &[
    "Allen", "Almeida", "Backus", "Brandt", "Cerf", "Chen", "Dijkstra", "Eriksson", "Ferreira",
    "García", "Goldberg", "Hamilton", "Hopper", "Ito", "Johnson", "Kahn", "Kaya", "Knuth", "Kumar",
    "Lamarr", "Lamport", "Liskov", "Lovelace", "Müller", "Nakamura", "Novák", "Okafor", "Perlman",
    "Ritchie", "Sammet", "Sato", "Silva", "Singh", "Thompson", "Turing", "Ullman", "Wilkes",
    "Wirth", "Yıldız", "Zuse",
];

/// Names, and the same in a domain.
pub(super) const COMPANIES: &[(&str, &str)] = &[
    ("Acme Tools", "acme"),
    ("Analytical Engines", "analytical"),
    ("Blue Harbor", "blueharbor"),
    ("Canopy Health", "canopy"),
    ("Ferry & Sons", "ferry"),
    ("Globex", "globex"),
    ("Initech", "initech"),
    ("Juniper Foods", "juniper"),
    ("Kestrel Air", "kestrel"),
    ("Lumen Optics", "lumen"),
    ("Northwind", "northwind"),
    ("Octave Music", "octave"),
    ("Pied Piper", "piedpiper"),
    ("Quarry Stone", "quarry"),
    ("Tidewater", "tidewater"),
    ("Umbrella Books", "umbrella"),
];

pub(super) const TAGS: &[&str] = &["customer", "lead", "newsletter", "partner", "trial", "vip"];

pub(super) const CITIES: &[&str] =
    &["Berlin", "Bogotá", "İzmir", "Lagos", "Osaka", "Portland", "São Paulo", "Toronto", "Zürich"];

pub(super) const PLANS: &[&str] = &["free", "team", "business", "enterprise"];
