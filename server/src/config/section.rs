//! How a section of the configuration is declared: each key once, with its type and default.

use super::setting::Setting;

/// Declares a struct of settings, which reads as a TOML table without unknown keys, has the given
/// defaults, and lists its settings by their dotted names. Tables are of names that are not known
/// here; they begin empty, and only a file can fill them.
macro_rules! section {
    (
        $(#[$about:meta])*
        $name:ident {
            $($(#[$doc:meta])* $key:ident: $kind:ty = $default:expr,)*
        }
        $(sections {
            $($(#[$section_doc:meta])* $section:ident: $section_kind:ty,)*
        })?
        $(tables {
            $($(#[$table_doc:meta])* $table:ident: $table_kind:ty,)*
        })?
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$doc])* pub $key: $kind,)*
            $($($(#[$section_doc])* pub $section: $section_kind,)*)?
            $($($(#[$table_doc])* pub $table: $table_kind,)*)?
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($key: $default,)*
                    $($($section: <$section_kind>::default(),)*)?
                    $($($table: <$table_kind>::default(),)*)?
                }
            }
        }

        impl $name {
            fn settings(&mut self) -> Vec<NamedSetting<'_>> {
                let own: Vec<NamedSetting<'_>> =
                    vec![$((stringify!($key).to_owned(), &mut self.$key),)*];
                let groups = vec![
                    own,
                    $($(under(stringify!($section), self.$section.settings()),)*)?
                ];
                groups.into_iter().flatten().collect()
            }
        }
    };
}

pub(super) use section;

/// A setting and its dotted name.
pub(super) type NamedSetting<'a> = (String, &'a mut dyn Setting);

/// The settings of a section, by their names above it.
pub(super) fn under<'a>(section: &str, settings: Vec<NamedSetting<'a>>) -> Vec<NamedSetting<'a>> {
    settings.into_iter().map(|(key, setting)| (format!("{section}.{key}"), setting)).collect()
}
