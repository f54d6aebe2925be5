package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What pages show of jobs and models, and where their links lead, without a browser. */
class PagesTest extends ServiceTest {

  private static final Pattern LINK = Pattern.compile("href=\"([^\"]*)\"");

  private String page(String path) {
    var page = get(path);
    assertThat(page.statusCode()).as(page.body()).isEqualTo(200);
    return page.body();
  }

  private static List<String> links(String page, String begin) {
    var links = new ArrayList<String>();
    var found = LINK.matcher(page);
    while (found.find()) {
      var link = found.group(1).replace("&amp;", "&");
      if (link.startsWith(begin)) {
        links.add(link);
      }
    }
    return links;
  }

  @Test
  void jobsAreFoundSortedClonedAndStoredAsModels() throws InterruptedException {
    var tag = UUID.randomUUID().toString();
    var paths = new ArrayList<String>();
    for (var name : List.of("b first", "a second")) {
      var job =
          """
          {"name": "%s", "labels": {"t:g": "%s"}, "epochs": 1, "batch_size": 10, "time_steps": 2,
           "loss": [{"type": "cross_entropy"}],
           "input": {"type": "dataset", "id": "digits", "limit": 40, "test_fraction": 0.2},
           "model": {"input_shape": [1, 8, 8], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 10},
            {"type": "IAF"}]}}\
          """
              .formatted(name, tag);
      paths.add(post("/api/v1/jobs", job).headers().firstValue("Location").orElseThrow());
      await(paths.getLast(), "succeeded");
    }
    var label = "/?label=t%5C:g:" + tag;
    var list = page(label + "&sort=name");
    assertThat(list.indexOf("a second")).isPositive().isLessThan(list.indexOf("b first"));
    list = page(label + "&sort=-name");
    assertThat(list.indexOf("b first")).isPositive().isLessThan(list.indexOf("a second"));
    assertThat(page(label + "&search=FIRST")).contains("b first").doesNotContain("a second");
    assertThat(page(label + "&search=nothing")).contains("No job matches.");
    var byLabel = links(list, "/?label=").stream().filter(link -> link.contains(tag)).toList();
    assertThat(byLabel).isNotEmpty();
    assertThat(page(byLabel.getFirst())).contains("b first", "a second");
    var sorted = links(list, "/?").stream().filter(link -> link.contains("sort=-synops")).toList();
    assertThat(sorted).as("keeps the filter").isNotEmpty().allMatch(link -> link.contains(tag));
    assertThat(page(sorted.getFirst())).contains("aria-sort=\"descending\"");
    assertThat(get("/?sort=nonsense").statusCode()).isEqualTo(400);

    var shown = page(paths.getFirst().replace("/api/v1", ""));
    assertThat(shown).contains("Test samples by class", "Store as model");
    assertThat(page(links(shown, "/new?from=").getFirst())).contains("&quot;b first&quot;");

    var created = post(paths.getFirst() + "/model", "{\"name\": \"m %s\"}".formatted(tag));
    var model = created.headers().firstValue("Location").orElseThrow();
    assertThat(page("/models?search=" + tag)).contains("m " + tag);
    var modelPage = page(model.replace("/api/v1", ""));
    assertThat(links(modelPage, paths.getFirst().replace("/api/v1", ""))).hasSize(1);
    assertThat(modelPage).contains("None yet.");
  }
}
