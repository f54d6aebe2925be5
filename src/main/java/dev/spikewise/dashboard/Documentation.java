package dev.spikewise.dashboard;

import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Pattern;
import org.commonmark.Extension;
import org.commonmark.ext.gfm.tables.TablesExtension;
import org.commonmark.ext.heading.anchor.HeadingAnchorExtension;
import org.commonmark.node.AbstractVisitor;
import org.commonmark.node.Heading;
import org.commonmark.node.Link;
import org.commonmark.node.Node;
import org.commonmark.node.Text;
import org.commonmark.parser.Parser;
import org.commonmark.renderer.html.HtmlRenderer;
import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.Resource;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.GetMapping;

/** Serves the pages of src/docs, which are written in Markdown, as HTML at {@code /docs}. */
@Controller
class Documentation {

  private static final String ROOT = "/docs";
  private static final Pattern PAGE = Pattern.compile("[a-z0-9-]+(/[a-z0-9-]+)?\\.md");
  private static final Pattern IMAGE = Pattern.compile("images/[a-z0-9-]+\\.(png|svg)");
  private static final List<Extension> EXTENSIONS =
      List.of(TablesExtension.create(), HeadingAnchorExtension.create());

  private final Parser parser = Parser.builder().extensions(EXTENSIONS).build();
  private final HtmlRenderer renderer =
      HtmlRenderer.builder().extensions(EXTENSIONS).escapeHtml(true).sanitizeUrls(true).build();

  @GetMapping(ROOT)
  String index() {
    return "redirect:" + ROOT + "/index.md";
  }

  @GetMapping(value = ROOT + "/**", produces = MediaType.TEXT_HTML_VALUE)
  String page(HttpServletRequest request, Model model) throws IOException {
    Node document = parser.parse(text(read(PAGE, request)));
    document.accept(new RepositoryLinks());
    model.addAttribute("title", title(document));
    model.addAttribute("html", renderer.render(document));
    return "docs";
  }

  @GetMapping(value = ROOT + "/images/*.png", produces = MediaType.IMAGE_PNG_VALUE)
  ResponseEntity<Resource> image(HttpServletRequest request) {
    return ResponseEntity.ok(read(IMAGE, request));
  }

  @GetMapping(value = ROOT + "/images/*.svg", produces = "image/svg+xml")
  ResponseEntity<Resource> drawing(HttpServletRequest request) {
    return ResponseEntity.ok(read(IMAGE, request));
  }

  private static Resource read(Pattern known, HttpServletRequest request) {
    String uri = request.getRequestURI();
    String path = uri.substring(uri.indexOf(ROOT + "/") + ROOT.length() + 1);
    var resource = new ClassPathResource("docs/" + path);
    if (!known.matcher(path).matches() || !resource.exists()) {
      throw new ProblemException(Code.NOT_FOUND, "There is no page of the documentation at " + uri);
    }
    return resource;
  }

  private static String text(Resource page) throws IOException {
    return page.getContentAsString(StandardCharsets.UTF_8);
  }

  /** Turns links to files of the repository, which the service does not serve, into plain text. */
  private static final class RepositoryLinks extends AbstractVisitor {
    @Override
    public void visit(Link link) {
      String target = link.getDestination();
      if (target.startsWith("../../") || target.startsWith("../main/") || target.endsWith("/")) {
        for (Node child = link.getFirstChild(); child != null; child = link.getFirstChild()) {
          link.insertBefore(child);
        }
        link.unlink();
      }
    }
  }

  private static String title(Node document) {
    var title = new StringBuilder();
    document.accept(
        new AbstractVisitor() {
          @Override
          public void visit(Heading heading) {
            if (title.isEmpty()) {
              visitChildren(heading);
            }
          }

          @Override
          public void visit(Text text) {
            if (text.getParent() instanceof Heading) {
              title.append(text.getLiteral());
            }
          }
        });
    return title.toString();
  }
}
