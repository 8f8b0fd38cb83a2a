//! Parameters into messages and rows out of them.

use bytes::{BufMut, BytesMut};
use jiff::Timestamp;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};

use crate::db::{Param, Row};
use crate::error::{Error, Result};

type Refusal = Box<dyn std::error::Error + Sync + Send>;

/// Microseconds from 1970 to 2000, from which PostgreSQL counts.
const EPOCH: i64 = 946_684_800_000_000;

/// The type to ask for. Text and nothing take what the place expects.
pub(super) fn type_of(param: &Param) -> Type {
    match param {
        Param::Null | Param::Text(_) => Type::UNKNOWN,
        Param::Bool(_) => Type::BOOL,
        Param::Int(_) => Type::INT8,
        Param::Real(_) => Type::FLOAT8,
        Param::Bytes(_) => Type::BYTEA,
        Param::Id(_) => Type::UUID,
        Param::Time(_) => Type::TIMESTAMPTZ,
    }
}

impl ToSql for Param {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Refusal> {
        match self {
            Param::Null => return Ok(IsNull::Yes),
            Param::Bool(value) => out.put_u8(u8::from(*value)),
            Param::Int(value) => match *ty {
                Type::INT8 => out.put_i64(*value),
                Type::INT4 => out.put_i32(i32::try_from(*value)?),
                Type::INT2 => out.put_i16(i16::try_from(*value)?),
                Type::FLOAT8 => out.put_f64(*value as f64),
                _ => return Err(format!("a number cannot go where {ty} is expected").into()),
            },
            Param::Real(value) => out.put_f64(*value),
            Param::Text(value) => {
                if *ty == Type::JSONB {
                    out.put_u8(1);
                }
                out.put_slice(value.as_bytes());
            }
            Param::Bytes(value) => out.put_slice(value),
            Param::Id(value) => out.put_slice(value),
            Param::Time(value) => out.put_i64(value.as_microsecond() - EPOCH),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        // Which one fits depends on the value.
        true
    }

    fn to_sql_checked(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Refusal> {
        let fits = match self {
            Param::Null => true,
            Param::Bool(_) => *ty == Type::BOOL,
            Param::Int(_) => [Type::INT8, Type::INT4, Type::INT2, Type::FLOAT8].contains(ty),
            Param::Real(_) => *ty == Type::FLOAT8,
            Param::Text(_) => is_text(ty) || [Type::JSON, Type::JSONB].contains(ty),
            Param::Bytes(_) => *ty == Type::BYTEA,
            Param::Id(_) => *ty == Type::UUID,
            Param::Time(_) => *ty == Type::TIMESTAMPTZ,
        };
        if !fits {
            return Err(format!("a parameter cannot go where {ty} is expected").into());
        }
        self.to_sql(ty, out)
    }
}

fn is_text(ty: &Type) -> bool {
    [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME, Type::UNKNOWN].contains(ty)
}

/// A time, without the detour over calendars.
#[derive(Debug)]
pub(crate) struct Micros(pub(crate) i64);

impl ToSql for Micros {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Refusal> {
        out.put_i64(self.0 - EPOCH);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }

    tokio_postgres::types::to_sql_checked!();
}

impl From<Timestamp> for Micros {
    fn from(time: Timestamp) -> Self {
        Self(time.as_microsecond())
    }
}

/// Reads a row.
pub(super) fn read(row: &tokio_postgres::Row) -> Result<Row> {
    let fields = (0..row.len()).map(|index| {
        let field: Field = row.try_get(index).map_err(|error| {
            Error::Damaged(format!("column \"{}\": {error}", row.columns()[index].name()))
        })?;
        Ok(field.0)
    });
    fields.collect::<Result<_>>().map(Row)
}

struct Field(Param);

impl<'a> FromSql<'a> for Field {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Refusal> {
        let value = match *ty {
            Type::BOOL => Param::Bool(bool::from_sql(ty, raw)?),
            Type::INT8 => Param::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Param::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Param::Int(i16::from_sql(ty, raw)?.into()),
            Type::FLOAT8 => Param::Real(f64::from_sql(ty, raw)?),
            Type::FLOAT4 => Param::Real(f32::from_sql(ty, raw)?.into()),
            Type::NUMERIC => numeric(raw)?,
            Type::BYTEA => Param::Bytes(raw.to_vec()),
            Type::UUID => Param::Id(raw.try_into()?),
            Type::TIMESTAMPTZ => {
                let us =
                    i64::from_be_bytes(raw.try_into()?).checked_add(EPOCH).ok_or("a time too far off")?;
                Param::Time(Timestamp::from_microsecond(us)?)
            }
            Type::JSONB => Param::Text(std::str::from_utf8(raw.get(1..).unwrap_or_default())?.to_owned()),
            Type::VOID => Param::Null,
            _ => Param::Text(std::str::from_utf8(raw)?.to_owned()),
        };
        Ok(Self(value))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Refusal> {
        Ok(Self(Param::Null))
    }

    fn accepts(ty: &Type) -> bool {
        is_text(ty)
            || [
                Type::BOOL,
                Type::INT8,
                Type::INT4,
                Type::INT2,
                Type::FLOAT8,
                Type::FLOAT4,
                Type::NUMERIC,
                Type::BYTEA,
                Type::UUID,
                Type::TIMESTAMPTZ,
                Type::JSON,
                Type::JSONB,
                Type::VOID,
            ]
            .contains(ty)
    }
}

/// What sums and averages of `bigint` come as: groups of four decimal digits.
fn numeric(raw: &[u8]) -> Result<Param, Refusal> {
    let short = |index: usize| -> Result<i16, Refusal> {
        let bytes = raw.get(index * 2..index * 2 + 2).ok_or("a number is cut off")?;
        Ok(i16::from_be_bytes(bytes.try_into()?))
    };
    let (count, weight, sign) = (short(0)?, short(1)?, short(2)?);
    let negative = match sign as u16 {
        0 => false,
        0x4000 => true,
        _ => return Err("a number is none".into()),
    };
    let (mut whole, mut real) = (Some(0_i64), 0.0_f64);
    // Groups that are absent at the end are zero.
    for place in 0..count.max(weight.saturating_add(1)) {
        let group = if place < count { short(4 + usize::try_from(place)?)? } else { 0 };
        let exponent = i32::from(weight) - i32::from(place);
        real += f64::from(group) * 10_000_f64.powi(exponent);
        if exponent >= 0 {
            whole = whole.and_then(|whole| whole.checked_mul(10_000)?.checked_add(group.into()));
        } else if group != 0 {
            whole = None;
        }
    }
    Ok(match whole {
        Some(whole) => Param::Int(if negative { -whole } else { whole }),
        None => Param::Real(if negative { -real } else { real }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(count: i16, weight: i16, sign: u16, groups: &[i16]) -> Param {
        let mut raw = BytesMut::new();
        raw.put_i16(count);
        raw.put_i16(weight);
        raw.put_u16(sign);
        raw.put_i16(0);
        groups.iter().for_each(|group| raw.put_i16(*group));
        numeric(&raw).expect("it is a number")
    }

    #[test]
    fn sums_are_whole_numbers_and_averages_are_real() {
        assert_eq!(number(0, 0, 0, &[]), Param::Int(0));
        assert_eq!(number(1, 0, 0, &[42]), Param::Int(42));
        assert_eq!(number(2, 1, 0x4000, &[1, 2345]), Param::Int(-12_345));
        assert_eq!(number(1, 2, 0, &[3]), Param::Int(300_000_000));
        assert_eq!(number(2, 0, 0, &[2, 5000]), Param::Real(2.5));
        assert_eq!(number(1, -1, 0, &[2500]), Param::Real(0.25));
    }
}
