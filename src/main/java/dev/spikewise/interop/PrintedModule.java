package dev.spikewise.interop;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * A PyTorch module as Python prints it: {@code Type(argument, (child): Type(...))}.
 *
 * @param name the name that its parent gives it; empty for the outermost
 * @param line the line that it begins on, from 1
 * @param arguments arguments in the brackets before its children, split at commas
 */
record PrintedModule(
    String name, String type, int line, List<String> arguments, List<PrintedModule> children) {

  /** The printed text is malformed at {@code line}, counted from 1. */
  static final class SyntaxException extends RuntimeException {
    final int line;

    SyntaxException(int line, String message) {
      super(message);
      this.line = line;
    }
  }

  private static final int MAX_DEPTH = 64;
  private static final int MAX_MODULES = 1 << 16;

  private static final Pattern TYPE = Pattern.compile("(\\w+)\\(");

  /**
   * {@code (0): Linear(}, or {@code (0-2): 3 x ...} for equal modules of a ModuleList, which are
   * printed once.
   */
  private static final Pattern CHILD =
      Pattern.compile("\\(([^()\\s]+)\\): (?:(\\d{1,4}) x )?(\\w+)\\(");

  /**
   * @throws SyntaxException when {@code text} is not one printed module
   */
  static PrintedModule parse(String text) {
    return new Parser(text).parse();
  }

  private static final class Parser {
    private final String text;
    private int at;
    private int modules;
    private final int[] lineEnds;

    Parser(String text) {
      this.text = text;
      lineEnds = IntStream.range(0, text.length()).filter(i -> text.charAt(i) == '\n').toArray();
    }

    PrintedModule parse() {
      skipSpace();
      Matcher type = matcher(TYPE);
      if (!type.lookingAt()) {
        throw error("expected the printed form of an nn.Module but found " + rest());
      }
      at = type.end();
      var module = body("", type.group(1), line(type.start()), 0);
      skipSpace();
      if (at < text.length()) {
        throw error("expected the end of " + module.type + " but found " + rest());
      }
      return module;
    }

    private PrintedModule body(String name, String type, int line, int depth) {
      if (depth > MAX_DEPTH || ++modules > MAX_MODULES) {
        throw error("modules are nested too deeply: at most 64 levels are supported");
      }
      var arguments = new ArrayList<String>();
      var children = new ArrayList<PrintedModule>();
      while (true) {
        skipSpace();
        Matcher child = matcher(CHILD);
        if (at == text.length()) {
          throw new SyntaxException(line, type + " has no closing bracket");
        } else if (text.charAt(at) == ')') {
          at++;
          return new PrintedModule(name, type, line, List.copyOf(arguments), List.copyOf(children));
        } else if (child.lookingAt()) {
          at = child.end();
          addChildren(child, body(child.group(1), child.group(3), line(child.start()), depth + 1))
              .forEach(children::add);
        } else {
          arguments.add(argument());
        }
      }
    }

    private List<PrintedModule> addChildren(Matcher printed, PrintedModule module) {
      if (printed.group(2) == null) {
        return List.of(module);
      }
      int first;
      try {
        first = Integer.parseInt(module.name.split("-", 2)[0]);
      } catch (NumberFormatException e) {
        throw new SyntaxException(module.line, "expected a range of numbers, found " + module.name);
      }
      var equal = new ArrayList<PrintedModule>();
      for (int i = 0; i < Integer.parseInt(printed.group(2)); i++) {
        equal.add(
            new PrintedModule(
                Integer.toString(first + i),
                module.type,
                module.line,
                module.arguments,
                module.children));
      }
      modules += equal.size();
      return equal;
    }

    /** Reads to the next comma, child or closing bracket outside of inner brackets. */
    private String argument() {
      int start = at;
      int depth = 0;
      for (; at < text.length(); at++) {
        char c = text.charAt(at);
        if (c == '(' || c == '[') {
          depth++;
        } else if (depth == 0 && c == '\n') {
          int end = at;
          skipSpace();
          if (at < text.length() && matcher(CHILD).lookingAt()) {
            return normalised(start, end);
          }
          at--;
        } else if (depth == 0 && (c == ',' || c == ')')) {
          String argument = normalised(start, at);
          at += c == ',' ? 1 : 0;
          return argument;
        } else if (c == ')' || c == ']') {
          depth--;
        }
      }
      return normalised(start, at);
    }

    private String normalised(int start, int end) {
      return text.substring(start, end).strip().replaceAll("\\s+", " ");
    }

    private Matcher matcher(Pattern pattern) {
      return pattern.matcher(text).region(at, text.length());
    }

    private void skipSpace() {
      while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
        at++;
      }
    }

    private SyntaxException error(String detail) {
      return new SyntaxException(line(at), detail);
    }

    private int line(int position) {
      int found = Arrays.binarySearch(lineEnds, position);
      return 1 + (found < 0 ? -found - 1 : found);
    }

    private String rest() {
      String line = text.substring(at).lines().findFirst().orElse("the end of the text");
      return line.length() > 100 ? line.substring(0, 100) + "..." : line;
    }
  }
}
