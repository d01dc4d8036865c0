//! A pull parser for the XML of repositories. It comes from mirrors: no entity is defined by it,
//! and how deep and how long its parts are is bounded.

use std::io::{self, BufRead, Read};

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

/// The longest tag or text that is read.
const LONGEST: usize = 4 << 20;

/// How deep elements may be nested: the metadata of repositories needs seven.
const DEEPEST: usize = 32;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    /// An element begins: [`Xml::name`] and [`Xml::attribute`] say which.
    Start,
    /// The innermost element ends.
    End,
    /// The document ends.
    Eof,
}

/// Reads XML piece by piece. Names are without their namespace.
#[derive(Debug)]
pub(crate) struct Xml<R> {
    reader: Reader<Bounded<R>>,
    buffer: Vec<u8>,
    name: String,
    attributes: Vec<(String, String)>,
    depth: usize,
}

impl<R: BufRead> Xml<R> {
    pub(crate) fn new(source: R) -> Self {
        let mut reader = Reader::from_reader(Bounded { inner: source, passed: 0 });
        reader.config_mut().expand_empty_elements = true;
        let (buffer, name, attributes) = Default::default();
        Self { reader, buffer, name, attributes, depth: 0 }
    }

    /// The next start or end of an element; texts between them are passed over.
    ///
    /// # Errors
    ///
    /// When reading fails, or it is no XML, or larger in its parts than is read.
    pub(crate) fn next(&mut self) -> io::Result<Node> {
        self.advance(&mut |_| {})
    }

    /// The text of the element that began last, up to its end.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next), and when it holds another element.
    pub(crate) fn text(&mut self) -> io::Result<String> {
        let mut all = String::new();
        match self.advance(&mut |piece| all.push_str(piece))? {
            Node::End => Ok(all.trim().to_owned()),
            _ => Err(invalid("an element stands where a text should be")),
        }
    }

    /// Passes over the rest of the element that began last.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub(crate) fn skip(&mut self) -> io::Result<()> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            self.next()?;
        }
        Ok(())
    }

    /// The name of the element that began last.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// An attribute of the element that began last.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn advance(&mut self, text: &mut dyn FnMut(&str)) -> io::Result<Node> {
        let mut length = 0;
        loop {
            self.buffer.clear();
            self.reader.get_mut().passed = 0;
            let event = self.reader.read_event_into(&mut self.buffer).map_err(io_error)?;
            let mut piece = |piece: &str| {
                length += piece.len();
                text(piece);
            };
            match event {
                Event::Start(start) => {
                    take(&start, &mut self.name, &mut self.attributes)?;
                    self.depth += 1;
                    if self.depth > DEEPEST {
                        return Err(invalid("its elements are nested too deep"));
                    }
                    return Ok(Node::Start);
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Node::End);
                }
                Event::Eof if self.depth > 0 => return Err(invalid("it breaks off")),
                Event::Eof => return Ok(Node::Eof),
                Event::Text(part) => piece(&part.xml10_content()),
                Event::CData(part) => piece(&part.xml10_content()),
                Event::GeneralRef(reference) => piece(&resolve(&reference)?),
                Event::DocType(_) => return Err(invalid("it has a document type")),
                _ => {}
            }
            if length > LONGEST {
                return Err(invalid("a text of it is too long"));
            }
        }
    }
}

/// Takes over the name and the attributes of a tag.
fn take(
    start: &BytesStart<'_>,
    name: &mut String,
    attributes: &mut Vec<(String, String)>,
) -> io::Result<()> {
    name.clear();
    name.push_str(start.local_name().as_ref());
    attributes.clear();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| invalid(&e.to_string()))?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(io_error)?;
        attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
    }
    Ok(())
}

/// What `&amp;` or `&#38;` stands for.
fn resolve(reference: &BytesRef<'_>) -> io::Result<String> {
    if let Some(c) = reference.resolve_char_ref().map_err(io_error)? {
        return Ok(c.to_string());
    }
    let name = reference.xml10_content();
    let known = resolve_predefined_entity(&name);
    known.map(str::to_owned).ok_or_else(|| invalid("it has an entity that XML does not define"))
}

fn io_error(error: quick_xml::Error) -> io::Error {
    match error {
        quick_xml::Error::Io(e) => io::Error::new(e.kind(), e.to_string()),
        other => invalid(&other.to_string()),
    }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// A reader that ends when one piece is too long: the parser holds a piece whole.
#[derive(Debug)]
struct Bounded<R> {
    inner: R,
    passed: usize,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.passed > LONGEST {
            return Err(invalid("a tag or text of it is too long"));
        }
        let left = LONGEST + 1 - self.passed;
        let bytes = self.inner.fill_buf()?;
        Ok(bytes.get(..left).unwrap_or(bytes))
    }

    fn consume(&mut self, amount: usize) {
        self.passed = self.passed.saturating_add(amount);
        self.inner.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &[u8]) -> io::Result<Vec<String>> {
        let mut xml = Xml::new(text);
        let mut found = Vec::new();
        loop {
            match xml.next()? {
                Node::Start => found.push(xml.name().to_owned()),
                Node::End => found.push("/".into()),
                Node::Eof => return Ok(found),
            }
        }
    }

    #[test]
    fn elements_texts_and_attributes_are_read() {
        let text = "<?xml version=\"1.0\"?><!-- c --><a x:b=\"1 &lt; 2\" c='&#65;'>t&amp;\
                    <![CDATA[<u>]]>&#x42;<n/></a>";
        let mut xml = Xml::new(text.as_bytes());
        assert_eq!(xml.next().unwrap(), Node::Start);
        assert_eq!((xml.name(), xml.attribute("b")), ("a", Some("1 < 2")));
        assert_eq!((xml.attribute("c"), xml.attribute("d")), (Some("A"), None));
        assert!(xml.text().is_err());
        assert_eq!(all(text.as_bytes()).unwrap(), ["a", "n", "/", "/"]);
        let mut xml =
            Xml::new("<a><b>x&lt;<![CDATA[&]]> </b><c><d><e/></d></c><f/></a>".as_bytes());
        xml.next().unwrap();
        xml.next().unwrap();
        assert_eq!(xml.text().unwrap(), "x<&");
        xml.next().unwrap();
        xml.skip().unwrap();
        assert_eq!((xml.next().unwrap(), xml.name()), (Node::Start, "f"));
    }

    #[test]
    fn what_is_hostile_is_an_error() {
        let deep = "<a>".repeat(40);
        let long = format!("<a>{}</a>", "x".repeat(LONGEST + 100_000));
        let wide = format!("<a b=\"{}\"/>", "x".repeat(LONGEST + 100_000));
        let entities = format!("<a>{}</a>", "&amp;".repeat(LONGEST + 1000));
        for text in [
            &*deep,
            &long,
            &wide,
            &entities,
            "<a>",
            "<a></b>",
            "<a b=1/>",
            "<a b='1' b='2'/>",
            "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
        ] {
            assert!(all(text.as_bytes()).is_err(), "{}", &text[..text.len().min(60)]);
        }
        assert!(all(b"<a>\xff</a>").is_err());
        let mut xml = Xml::new("<a>&e;</a>".as_bytes());
        xml.next().unwrap();
        assert!(xml.text().is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "(<[a-c/]{0,2}|>|/>|&|;|#x?|[a0='\" -]|<!--|-->|<!\\[CDATA\\[|\\]\\]>|<\\?){0,40}") {
            let _ = all(text.as_bytes());
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = all(&bytes);
        }
    }
}
