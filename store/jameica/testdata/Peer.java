import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import net.n3.nanoxml.*;

/**
 * What Jameica's client does with the same input, by the parts of it that others wrote: the JDK's numbers and NanoXML 2.2.3. One line of input, one
 * line of output; texts are hexadecimal UTF-8.
 */
public class Peer {
  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    PrintStream out = new PrintStream(new BufferedOutputStream(System.out), false, "UTF-8");
    for (String line; (line = in.readLine()) != null;) {
      String[] parts = line.split(" ", -1);
      switch (parts[0]) {
        case "version": out.println(version(text(parts[1]), text(parts[2]))); break;
        case "document": out.println(document(bytes(parts[1]))); break;
        default: throw new IllegalArgumentException(line);
      }
      if (!in.ready()) out.flush();
    }
    out.flush();
  }

  static Integer[] numbers(String s) {
    Integer[] n = new Integer[3];
    String[] parts = s.split("\\.");
    for (int i = 0; i < 3 && i < parts.length; i++) {
      try { n[i] = Integer.parseInt(parts[i]); } catch (NumberFormatException e) { /* stays unset */ }
    }
    return n;
  }

  static Integer[] parse(String s) {
    s = s.trim();
    int hyphen = s.indexOf('-');
    return numbers(hyphen > 0 ? s.substring(0, hyphen) : s);
  }

  static int value(Integer n) { return n == null ? 0 : n; }

  static String version(String version, String requirement) {
    Integer[] v = parse(version), r = parse(requirement.replaceAll("[()+-]", ""));
    int order = 0;
    for (int i = 0; i < 3 && order == 0; i++) order = Integer.compare(value(v[i]), value(r[i]));
    int last = r[1] == null ? 0 : r[2] == null ? 1 : 2;
    boolean same = true;
    for (int i = 0; i < last; i++) same &= value(v[i]) == value(r[i]);
    boolean ok;
    if (requirement.isEmpty()) ok = true;
    else if (requirement.endsWith("(+)")) ok = same && value(v[last]) >= value(r[last]);
    else if (requirement.endsWith("(-)")) ok = same && value(v[last]) <= value(r[last]);
    else if (requirement.endsWith("+")) ok = order >= 0;
    else if (requirement.endsWith("-")) ok = order <= 0;
    else ok = order == 0;
    return v[0] + " " + v[1] + " " + v[2] + " " + ok;
  }

  /** The tree as hexadecimal text, or "refused". */
  static String document(byte[] data) {
    try {
      IXMLParser parser = XMLParserFactory.createDefaultXMLParser();
      parser.setReader(new StdXMLReader(new ByteArrayInputStream(data)));
      StringBuilder b = new StringBuilder();
      dump((IXMLElement) parser.parse(), b);
      return hex(b.toString());
    } catch (Throwable t) {
      return "refused";
    }
  }

  static void dump(IXMLElement e, StringBuilder b) {
    b.append('<').append(e.getFullName());
    for (Object name : new TreeSet<Object>(e.getAttributes().keySet())) {
      if (!((String) name).contains(":")) b.append(' ').append(name).append('=').append(e.getAttribute((String) name, null)).append('|');
    }
    b.append('>').append(e.getContent() == null ? "" : e.getContent());
    for (Object c : e.getChildren()) {
      IXMLElement child = (IXMLElement) c;
      if (child.getFullName() != null && !child.getFullName().contains(":")) dump(child, b);
    }
    b.append("</>");
  }

  static byte[] bytes(String hex) {
    byte[] b = new byte[hex.length() / 2];
    for (int i = 0; i < b.length; i++) b[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
    return b;
  }

  static String text(String hex) { return new String(bytes(hex), StandardCharsets.UTF_8); }

  static String hex(String s) {
    StringBuilder b = new StringBuilder();
    for (byte x : s.getBytes(StandardCharsets.UTF_8)) b.append(String.format("%02x", x));
    return b.toString();
  }
}
