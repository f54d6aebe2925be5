package dev.spikewise.dashboard;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.Route;
import com.microsoft.playwright.assertions.LocatorAssertions;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import com.microsoft.playwright.options.FilePayload;
import com.microsoft.playwright.options.FormData;
import com.microsoft.playwright.options.RequestOptions;
import dev.spikewise.Needs;
import dev.spikewise.Part;
import dev.spikewise.SpikewiseApplication;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Jobs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.core.io.ClassPathResource;
import org.springframework.test.context.TestPropertySource;

/** The dashboard in Chromium. What it looked like is kept under target/screenshots. */
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
@TestPropertySource(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:dashboard;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/test-data"
    })
@Needs(Part.CHROMIUM)
class DashboardTest {

  private static final double TRAINING_MS = 120_000;
  private static final Set<JobState> NOT_OVER =
      Arrays.stream(JobState.values())
          .filter(Predicate.not(JobState::isFinal))
          .collect(Collectors.toSet());

  private static Playwright playwright;
  private static Browser browser;

  @Autowired Jobs jobs;
  @LocalServerPort int port;
  private final List<String> foreignRequests = new ArrayList<>();
  private final List<String> complaints = new ArrayList<>();

  @BeforeAll
  static void startBrowser() {
    // A loaded machine takes longer than the default of five seconds, and is no fault of a page.
    PlaywrightAssertions.setDefaultAssertionTimeout(TRAINING_MS);
    playwright =
        Playwright.create(
            new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
    browser =
        playwright
            .chromium()
            .launch(
                new BrowserType.LaunchOptions()
                    .setExecutablePath(Part.chromium())
                    .setArgs(
                        List.of(
                            "--no-sandbox",
                            "--disable-gpu",
                            "--disable-quic",
                            "--no-first-run",
                            "--disable-background-networking",
                            "--disable-component-update",
                            "--disable-sync")));
  }

  @AfterAll
  static void stopBrowser() {
    browser.close();
    playwright.close();
  }

  /** What one test left open or training would take its time from the next. */
  @AfterEach
  void leavesNothingBehind() {
    browser.contexts().forEach(BrowserContext::close);
    var request = playwright.request().newContext();
    jobs.list(new Jobs.Filter(NOT_OVER, Map.of(), null), 100, Long.MAX_VALUE).data().stream()
        .map(job -> "http://127.0.0.1:%d/api/v1/jobs/%s/cancel".formatted(port, job.id()))
        .forEach(request::post);
    request.dispose();
  }

  @AfterEach
  void pagesLoadNothingFromOtherHostsAndLogNoErrors() {
    assertThat(foreignRequests).isEmpty();
    assertThat(complaints).isEmpty();
  }

  private Page open(String path, int width, int height, ColorScheme scheme) {
    var page =
        browser.newPage(
            new Browser.NewPageOptions().setViewportSize(width, height).setColorScheme(scheme));
    page.onRequest(
        request -> {
          if (!request.url().startsWith("http://127.0.0.1:" + port)
              && !request.url().startsWith("data:")) {
            foreignRequests.add(request.url());
          }
        });
    page.onPageError(complaints::add);
    page.onConsoleMessage(
        message -> {
          // A refused submission is no fault of the page.
          if (message.type().equals("error") && !message.text().contains("status of 4")) {
            complaints.add(message.text());
          }
        });
    page.navigate("http://127.0.0.1:" + port + path);
    return page;
  }

  private Page open(String path) {
    return open(path, 1280, 900, ColorScheme.LIGHT);
  }

  private static void hasStatus(Page page, String status) {
    try {
      assertThat(page.getByRole(AriaRole.STATUS))
          .hasText(status, new LocatorAssertions.HasTextOptions().setTimeout(TRAINING_MS));
    } catch (AssertionError e) {
      throw new AssertionError(
          "not %s: %s".formatted(status, page.locator("#notice, #summary").allInnerTexts()), e);
    }
  }

  private static void press(Page page, String name) {
    page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName(name).setExact(true))
        .click();
  }

  /** Replaces the tutorial's network by one whose epochs take a few milliseconds. */
  private static void small(Page page) {
    page.locator("[name=model]")
        .fill(
            """
            {"input_shape": [64], "layers": [{"type": "Linear", "out_features": 200}, {"type": "IAF"}]}\
            """);
  }

  private static void keep(Page page, String name) {
    page.screenshot(
        new Page.ScreenshotOptions()
            .setFullPage(true)
            .setPath(Path.of("target/screenshots", name + ".png")));
  }

  /** What axe finds wrong for people who cannot see, hear or point. */
  private static void isAccessible(Page page) throws IOException {
    page.evaluate(
        new ClassPathResource("META-INF/resources/webjars/axe-core/4.6.3/axe.min.js")
            .getContentAsString(StandardCharsets.UTF_8));
    var violations =
        page.evaluate(
            "async () => (await axe.run()).violations.map(v => v.id + ': ' + v.nodes.map(n =>"
                + " n.html).join(' | '))");
    assertThat((List<?>) violations).isEmpty();
  }

  private static void isNoWiderThanItsWindow(Page page) {
    assertThat((Boolean) page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
        .as(page.url())
        .isTrue();
  }

  @Test
  void formSubmitsTutorialJobAndPageFollowsItToTheEnd() throws IOException {
    var page = open("/new");
    isAccessible(page);
    keep(page, "form");
    press(page, "Check only");
    assertThat(page.locator("#estimate"))
        .containsText(
            "12.2\u202fM synops",
            new LocatorAssertions.ContainsTextOptions().setTimeout(TRAINING_MS));
    press(page, "Train");
    page.waitForURL(Pattern.compile(".*/jobs/.+"));
    hasStatus(page, "succeeded");
    assertThat(page.locator("#curves figure")).hasCount(3);
    assertThat(page.locator("#summary")).containsText("epoch 100 of 100");
    assertThat(page.locator("#details")).containsText("Provenance");
    isAccessible(page);
    keep(page, "job");
    page.screenshot(
        new Page.ScreenshotOptions().setPath(Path.of("target/screenshots/job-top.png")));
    var weights = page.waitForDownload(() -> page.locator("#download-weights").click());
    assertThat(Files.size(weights.path())).as("75,840 floats, compressed").isGreaterThan(200_000);
    var jobPath = page.url().replaceFirst("http://[^/]*", "");
    for (var plot :
        List.of("synops.png", "synops.svg", "firing-rate.svg", "firing-rate-histogram.png")) {
      var answer =
          page.request().get("http://127.0.0.1:" + port + "/api/v1" + jobPath + "/plots/" + plot);
      assertThat(answer.status()).as(plot).isEqualTo(200);
      Files.write(Path.of("target/screenshots", plot), answer.body());
    }
  }

  /** The tutorial's job with fewer epochs, once it is over. */
  private String trained(int epochs, int seed) {
    var page = open("/new");
    page.locator("[name=name]").fill("twice the synops");
    page.getByLabel("Epochs").fill(Integer.toString(epochs));
    page.locator("[name=seed]").fill(Integer.toString(seed));
    press(page, "Train");
    page.waitForURL(Pattern.compile(".*/jobs/.+"));
    hasStatus(page, "succeeded");
    return page.url().replaceFirst(".*/", "");
  }

  /** Waits until the first chart holds the colour of the model's curve, be it a single point. */
  private static void showsItsModel(Page page) {
    page.waitForFunction(
        """
        () => {
          const canvas = document.querySelector('#curves canvas');
          const drawn = canvas?.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
          return drawn?.some((red, i) => i % 4 === 0 && red === 0x1f && drawn[i + 1] === 0x29 && drawn[i + 2] === 0x33);
        }\
        """);
  }

  @Test
  void everyPageIsReadAtADeskInTheLightAndOnAPhoneInTheDark() throws IOException {
    var one = trained(20, 1);
    var other = trained(15, 2);
    var list = open("/");
    list.locator("#select-" + one).check();
    list.locator("#select-" + other).check();
    press(list, "Compare selected");
    assertThat(list.locator("main")).containsText("twice the synops · " + one.substring(0, 8));
    var digits = submit(list, "jobs", DIGITS.formatted("learns digits", 4));
    var silent = submit(list, "jobs", SILENT);
    var sweep = submit(list, "sweeps", sweep(3));
    var search = submit(list, "searches", search());
    for (var path :
        List.of("/jobs/" + digits, "/jobs/" + silent, "/sweeps/" + sweep, "/searches/" + search)) {
      list.navigate("http://127.0.0.1:" + port + path);
      hasStatus(list, path.endsWith(silent) ? "failed" : "succeeded");
    }
    var failed = open("/jobs/" + silent);
    assertThat(failed.locator("main")).containsText("No neuron fires any more");
    showsItsModel(failed);
    var names =
        Map.of(
            "/",
            "list",
            "/?show=failed",
            "list-failed",
            "/new",
            "new",
            "/jobs/" + one,
            "job-tutorial",
            "/jobs/" + digits,
            "job-digits",
            "/jobs/" + silent,
            "job-failed",
            "/compare?id=" + one + "&id=" + other + "&id=" + digits,
            "compare",
            "/compare",
            "compare-none",
            "/sweeps",
            "sweeps",
            "/sweeps/" + sweep,
            "sweep");
    var pages = new LinkedHashMap<>(names);
    pages.put("/searches", "searches");
    pages.put("/searches/" + search, "search");
    var figures = new LinkedHashMap<String, Integer>();
    figures.put("/", 0);
    figures.put("/?show=failed", 0);
    figures.put("/new", 0);
    figures.put("/jobs/" + one, 3);
    figures.put("/jobs/" + digits, 4);
    figures.put("/jobs/" + silent, 3);
    figures.put("/compare?id=" + one + "&id=" + other + "&id=" + digits, 5);
    figures.put("/compare", 0);
    figures.put("/sweeps", 0);
    figures.put("/sweeps/" + sweep, 0);
    figures.put("/searches", 0);
    figures.put("/searches/" + search, 0);
    for (var scheme : List.of(ColorScheme.LIGHT, ColorScheme.DARK)) {
      var page = open("/", scheme == ColorScheme.LIGHT ? 1280 : 390, 900, scheme);
      for (var path : figures.keySet()) {
        page.navigate("http://127.0.0.1:" + port + path);
        assertThat(page.locator("figure")).hasCount(figures.get(path));
        isAccessible(page);
        isNoWiderThanItsWindow(page);
        keep(page, pages.get(path) + "-" + scheme.name().toLowerCase(Locale.ROOT));
      }
      page.close();
    }
  }

  /** A residual block and a concatenation. */
  private static final String BRANCHES =
      """
      {"name": "branches", "epochs": 1, "batch_size": 2, "time_steps": 2, "input": {"type": "constant", "value": 1},
       "model": {"input_shape": [1, 12, 12], "layers": [
         {"type": "Conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1}, {"type": "IAF", "name": "stem"},
         {"type": "Conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1, "name": "layer1.0.conv1"}, {"type": "IAF", "name": "layer1.0.spike1"},
         {"type": "Conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1, "name": "layer1.0.conv2"}, {"type": "IAF", "name": "layer1.0.spike2"},
         {"type": "Add", "name": "sum", "inputs": ["layer1.0.spike2", "stem"]},
         {"type": "Conv2d", "out_channels": 4, "kernel_size": 1, "name": "left"}, {"type": "IAF", "name": "left.spike"},
         {"type": "Conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1, "name": "right", "inputs": ["sum"]}, {"type": "IAF", "name": "right.spike"},
         {"type": "Concat", "inputs": ["left.spike", "right.spike"]}, {"type": "Flatten"}, {"type": "Linear", "out_features": 4}, {"type": "IAF"}]},
       "loss": [{"type": "synops", "mode": "limit", "target": {"baseline_multiple": 1}}]}\
      """;

  @Test
  void aGraphIsReadableAtADeskInTheLightAndOnAPhoneInTheDark() throws IOException {
    var first = open("/");
    var job = submit(first, "jobs", BRANCHES);
    var page = open("/jobs/" + job);
    hasStatus(page, "succeeded");
    var created =
        first.request().post("http://127.0.0.1:" + port + "/api/v1/jobs/" + job + "/model");
    assertThat(created.status()).as(created.text()).isEqualTo(201);
    var model =
        created.headers().get("location").replaceFirst("^/", "http://127.0.0.1:" + port + "/");
    for (var scheme : List.of(ColorScheme.LIGHT, ColorScheme.DARK)) {
      int width = scheme == ColorScheme.LIGHT ? 1280 : 390;
      String kept = "-" + scheme.name().toLowerCase(Locale.ROOT);
      page = open("/jobs/" + job, width, 900, scheme);
      var drawing = page.locator(".graph img");
      assertThat(drawing).isVisible();
      page.waitForFunction("() => document.querySelector('.graph img').naturalWidth > 0");
      assertThat((Boolean) drawing.evaluate("img => img.width === img.naturalWidth"))
          .as("letters keep their size")
          .isTrue();
      assertThat(((Number) drawing.evaluate("img => img.getBoundingClientRect().right")).intValue())
          .as("nothing is cut off")
          .isLessThanOrEqualTo(width);
      isAccessible(page);
      isNoWiderThanItsWindow(page);
      drawing.scrollIntoViewIfNeeded();
      keep(page, "job-branches" + kept);

      // Chromium takes no screenshot of a page that is an SVG.
      page.navigate("about:blank");
      page.setContent(
          "<!doctype html><title>graph</title><body style='margin: 0'>"
              + page.request().get(model + "/graph.svg").text());
      var texts = page.locator("text");
      assertThat(texts.allTextContents()).contains("sum · 8 × 12 × 12", "Concat");
      assertThat(page.evaluate(LEAST_CONTRAST)).as("contrast of %s", scheme).isIn(true);
      assertThat(
              (Boolean)
                  page.evaluate(
                      "[...document.querySelectorAll('text')].every(text =>"
                          + " text.getBoundingClientRect().right <= innerWidth"
                          + " && parseFloat(getComputedStyle(text).fontSize) >= 11)"))
          .as("texts are large and within the window")
          .isTrue();
      keep(page, "graph" + kept);
    }
  }

  /** Checks that each text has the contrast that WCAG requires, 4.5:1. */
  private static final String LEAST_CONTRAST =
      """
      () => {
        const luminance = color => {
          const [r, g, b] = color.match(/\\d+/g).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const back = luminance(getComputedStyle(document.querySelector('rect')).fill);
        return [...document.querySelectorAll('text')].every(text => {
          const front = luminance(getComputedStyle(text).fill);
          return (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05) >= 4.5;
        });
      }\
      """;

  @Test
  void pageWithoutStreamPollsEveryFewSeconds() {
    var page = open("/new");
    page.route(
        Pattern.compile(".*/events.*"),
        route -> route.fulfill(new Route.FulfillOptions().setStatus(429)));
    page.getByLabel("Epochs").fill("1500");
    small(page);
    press(page, "Train");
    page.waitForURL(Pattern.compile(".*/jobs/.+"));
    assertThat(page.getByRole(AriaRole.ALERT)).containsText("Live updates are not available");
    hasStatus(page, "succeeded");
    assertThat(page.locator("#curves figure")).hasCount(3);
    keep(page, "no-stream");
    // After the end of the job has been shown, the page sends no further requests.
    assertThat(page.getByRole(AriaRole.ALERT)).isHidden();
  }

  @Test
  void whereAKeyIsNeededTheBrowserAsksForItAndEverythingWorks() {
    try (var service =
            SpringApplication.run(
                SpikewiseApplication.class,
                "--server.port=0",
                "--spring.datasource.url=jdbc:h2:mem:keys;DB_CLOSE_DELAY=-1",
                "--spikewise.data-dir=target/test-data",
                "--spikewise.security.api-keys[0].name=somebody",
                "--spikewise.security.api-keys[0].role=train",
                // of "train-key"
                "--spikewise.security.api-keys[0].sha256=3eb629ea3ad6dcb3e3d1e8571e431c7c5d7ccf40091359145001e268a5d50487",
                "--spikewise.security.api-keys[1].name=visitor",
                "--spikewise.security.api-keys[1].role=read",
                // of "read-key"
                "--spikewise.security.api-keys[1].sha256=8578df6c579d44d3bf7caeada69ed9cbca30b318a50a0e60216b46760edf5477");
        var visitor =
            browser.newContext(
                new Browser.NewContextOptions().setHttpCredentials("visitor", "read-key"));
        var person =
            browser.newContext(
                new Browser.NewContextOptions().setHttpCredentials("somebody", "train-key"))) {
      var at = "http://127.0.0.1:" + service.getEnvironment().getProperty("local.server.port");
      var page = person.newPage();
      page.onPageError(complaints::add);
      page.navigate(at + "/new");
      page.getByLabel("Epochs").fill("20");
      press(page, "Train");
      page.waitForURL(Pattern.compile(".*/jobs/.+"));
      hasStatus(page, "succeeded");
      assertThat(page.locator("#curves figure")).hasCount(3);
      for (var link : List.of("epochs.csv", "nir", "report.md")) {
        var file = page.waitForDownload(() -> page.locator("a[href$='/" + link + "']").click());
        assertThat(file.failure()).as(link).isNull();
      }
      page.navigate(at + "/new");
      page.getByLabel("Epochs").fill("1000000");
      press(page, "Train");
      page.waitForURL(Pattern.compile(".*/jobs/.+"));
      assertThat(page.locator("#curves figure"))
          .hasCount(3, new LocatorAssertions.HasCountOptions().setTimeout(TRAINING_MS));
      var readsOnly = visitor.newPage();
      readsOnly.navigate(page.url());
      press(readsOnly, "Cancel");
      assertThat(readsOnly.getByRole(AriaRole.ALERT))
          .containsText("role of this credential does not allow POST");
      keep(readsOnly, "refused");
      press(page, "Cancel");
      hasStatus(page, "cancelled");
      page.navigate(at + "/");
      assertThat(page.locator("#jobs tbody tr")).hasCount(2);
      service.close();
      assertThat(page.getByRole(AriaRole.ALERT))
          .containsText(
              "The connection to the service was lost",
              new LocatorAssertions.ContainsTextOptions().setTimeout(30_000));
      keep(page, "no-connection");
    }
  }

  @Test
  void buttonsPauseResumeCancelAndRetryTraining() {
    var page = open("/new");
    page.getByLabel("Epochs").fill("100000");
    press(page, "Train");
    page.waitForURL(Pattern.compile(".*/jobs/.+"));
    assertThat(page.locator("#curves figure"))
        .hasCount(3, new LocatorAssertions.HasCountOptions().setTimeout(TRAINING_MS));
    var progress = page.locator("#summary .progress");
    page.locator("#sent summary").click();
    var before = progress.textContent();
    assertThat(progress).not().hasText(before);
    assertThat(progress).containsText("left");
    assertThat(page.locator("#sent")).hasAttribute("open", "");
    keep(page, "job-running");
    page.getByText("Pause", new Page.GetByTextOptions().setExact(true)).hover();
    page.mouse().down();
    // The page is updated several times meanwhile.
    page.waitForTimeout(2500);
    page.mouse().up();
    hasStatus(page, "paused");
    press(page, "Resume");
    hasStatus(page, "running");
    press(page, "Cancel");
    hasStatus(page, "cancelled");
    assertThat(page.locator("#do-retry")).isVisible();
  }

  /** Epochs arrive faster than the browser can draw them; user input has priority. */
  @Test
  void slowBrowserKeepsUpWithUpdatesAndClicks() {
    var page = open("/new");
    var rate = new JsonObject();
    rate.addProperty("rate", 5);
    page.context().newCDPSession(page).send("Emulation.setCPUThrottlingRate", rate);
    page.getByLabel("Epochs").fill("10000000");
    small(page);
    press(page, "Train");
    page.waitForURL(Pattern.compile(".*/jobs/.+"));
    assertThat(page.locator("#summary"))
        .containsText(
            Pattern.compile("epoch \\d{4,} of"),
            new LocatorAssertions.ContainsTextOptions().setTimeout(TRAINING_MS));
    press(page, "Cancel");
    hasStatus(page, "cancelled");
  }

  @Test
  void mistakesAreShownAtTheirFields() throws IOException {
    var page = open("/new");
    page.getByLabel("Epochs").fill("0");
    page.locator("[name=model]")
        .fill(
            page.locator("[name=model]")
                .inputValue()
                .replace("\"kernel_size\":4", "\"kernel_size\":0"));
    press(page, "Train");
    assertThat(page.locator("#epochs-error")).containsText("must be at least 1 but was 0");
    assertThat(page.locator("#model-error")).containsText("kernel_size");
    assertThat(page.getByLabel("Epochs")).hasAttribute("aria-invalid", "true");
    assertThat((Locator) page.locator("[name=epochs]")).isFocused();
    isAccessible(page);
    keep(page, "form-mistakes");
    page.locator("[name=model]").fill("{");
    press(page, "Train");
    assertThat(page.locator("#model-error")).containsText("not valid JSON");
  }

  @Test
  void formTrainsPrintedModel() {
    var page = open("/new");
    page.locator("[name=model]")
        .fill(
            "Sequential(\n"
                + "  (0): Flatten(start_dim=1, end_dim=-1)\n"
                + "  (1): Linear(in_features=784, out_features=10, bias=False)\n"
                + "  (2): IAFSqueeze(spike_threshold=1.0)\n"
                + ")");
    page.getByLabel("Epochs").fill("3");
    press(page, "Train");
    page.waitForURL(Pattern.compile(".*/jobs/.+"));
    hasStatus(page, "succeeded");
  }

  private static final String DIGITS =
      """
      {"name": "%s", "epochs": %d, "batch_size": 32, "time_steps": 8, "input": {"type": "dataset", "id": "digits", "limit": 600},
       "optimizer": {"type": "adam", "learning_rate": 0.005}, "labels": {"branch": "main"},
       "model": {"input_shape": [1, 8, 8], "layers": [{"type": "Conv2d", "out_channels": 8, "kernel_size": 3}, {"type": "IAF"},
         {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
       "loss": [{"type": "cross_entropy"}, {"type": "synops", "mode": "limit", "target": {"baseline_multiple": 1}}],
       "gates": [{"metric": "test_accuracy", "min": 0.2}, {"metric": "synops", "max": 1}]}\
      """;

  /** Long names, and a threshold that no neuron reaches. */
  private static final String SILENT =
      """
      {"name": "a_name_so_long_that_there_is_nowhere_to_break_it_and_that_no_table_was_made_for_it_on_a_phone", "epochs": 9,
       "batch_size": 2, "time_steps": 4, "model": {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 50},
         {"type": "IAF", "spike_threshold": 1000000}, {"type": "Linear", "out_features": 2}, {"type": "IAF"}]}}\
      """;

  private static String sweep(int epochs) {
    return """
    {"name": "less and less", "seeds": [1, 2], "over": {"loss/1/target/baseline_multiple": [2, 1]},
     "job": {"epochs": %d, "batch_size": 64, "time_steps": 5, "input": {"type": "dataset", "id": "digits", "limit": 300},
       "model": {"input_shape": [1, 8, 8], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 32},
         {"type": "IAF"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
       "loss": [{"type": "cross_entropy"}, {"type": "synops", "mode": "limit"}]}}\
    """
        .formatted(epochs);
  }

  private static String search() {
    return """
    {"name": "better and better", "over": {"optimizer/learning_rate": {"type": "log", "min": 0.001, "max": 0.05}},
     "objectives": [{"metric": "test_accuracy"}, {"metric": "test_synops"}],
     "population": 3, "rungs": {"first_epochs": 1}, "budget": {"trials": 3},
     "job": {"epochs": 2, "batch_size": 64, "time_steps": 5, "input": {"type": "dataset", "id": "digits", "limit": 300},
       "model": {"input_shape": [1, 8, 8], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
       "loss": [{"type": "cross_entropy"}]}}\
    """;
  }

  /** Posts to the API; returns the id of what came of it. */
  private String submit(Page page, String to, String body) {
    var answer =
        page.request()
            .post(
                "http://127.0.0.1:" + port + "/api/v1/" + to,
                RequestOptions.create()
                    .setHeader("Content-Type", "application/json")
                    .setData(body));
    assertThat(answer.status()).as(answer.text()).isEqualTo(202);
    return answer.headers().get("location").replaceFirst(".*/", "");
  }

  /** A small job that ends within a second, unless it has many epochs. */
  private static final String SHORT =
      """
      {"name": "%s", "epochs": %d, "batch_size": 32, "time_steps": 20, "labels": {"group": "%s"}, "gates": [{"metric": "synops", "max": 1e9}],
       "model": {"input_shape": [64], "layers": [{"type": "Linear", "out_features": 200}, {"type": "IAF"}, {"type": "Linear", "out_features": 2}, {"type": "IAF"}]}}\
      """;

  @Test
  void selectedJobsAreLabelledCancelledAndDeletedTogether() {
    var page = open("/");
    submit(page, "jobs", SHORT.formatted("first", 100_000_000, "bulk"));
    submit(page, "jobs", SHORT.formatted("second", 100_000_000, "bulk"));
    page.navigate("http://127.0.0.1:" + port + "/?label=group:bulk");
    var answers = new ArrayList<>(List.of("kept:1", "group"));
    page.onDialog(
        dialog -> dialog.accept(dialog.type().equals("prompt") ? answers.removeFirst() : null));
    assertThat(page.locator("#selected")).hasText("No job selected");
    assertThat(page.locator("[data-bulk=cancel]")).isDisabled();
    page.locator("#select-all").check();
    assertThat(page.locator("#selected")).hasText("2 jobs selected");
    press(page, "Label");
    assertThat(page.locator("#jobs a.label:has-text('kept: 1')")).hasCount(2);
    assertThat(page.locator("#jobs .state.running")).hasCount(1);
    page.locator("#select-all").check();
    press(page, "Delete");
    assertThat(page.getByRole(AriaRole.ALERT)).containsText("first: ");
    // The one that was queued is gone; the one that is trained has to be cancelled first.
    assertThat(page.locator("#jobs tbody tr")).hasCount(1);
    assertThat(page.locator("#selected")).hasText("1 job selected");
    press(page, "Cancel");
    assertThat(page.locator("#jobs .state.cancelled")).hasCount(1);
    page.locator("#select-all").check();
    press(page, "Delete");
    assertThat(page.locator("#jobs tbody tr")).hasCount(0);
    // A reader's own columns are still there after a reload.
    page.navigate("http://127.0.0.1:" + port + "/");
    submit(page, "jobs", SHORT.formatted("third", 2, "columns"));
    page.reload();
    assertThat(page.locator("th.of-loss")).isHidden();
    page.getByText("Columns").first().click();
    page.getByLabel("Loss", new Page.GetByLabelOptions().setExact(true)).check();
    page.getByLabel("Accuracy", new Page.GetByLabelOptions().setExact(true)).uncheck();
    page.reload();
    assertThat(page.locator("th.of-loss")).isVisible();
    assertThat(page.locator("th.of-accuracy")).isHidden();
  }

  @Test
  void aJobIsRenamedStoredAsAModelAndDeletedByItsButtons() throws IOException {
    var page = open("/");
    var images =
        SHORT.replace("[64], \"layers\": [", "[1, 8, 8], \"layers\": [{\"type\": \"Flatten\"}, ");
    var id = submit(page, "jobs", images.formatted("before", 2, "one"));
    page.navigate("http://127.0.0.1:" + port + "/jobs/" + id);
    hasStatus(page, "succeeded");
    page.onDialog(dialog -> dialog.accept(dialog.type().equals("prompt") ? "after <b>" : null));
    press(page, "Rename");
    assertThat(page.locator("h1")).hasText("after <b>");
    showsRaster(page);
    page.locator("#raster [name=sample]").fill("99999");
    page.locator("#raster button").click();
    assertThat(page.locator("#raster [role=status]")).containsText("99999");
    assertThat(page.locator("#raster img")).isHidden();
    press(page, "Store as model");
    page.waitForURL(Pattern.compile(".*/models/.+"));
    assertThat(page.locator("main")).containsText("its job");
    showsRaster(page);
    press(page, "Delete");
    page.waitForURL(Pattern.compile(".*/models$"));
    page.navigate("http://127.0.0.1:" + port + "/jobs/" + id);
    press(page, "Delete");
    page.waitForURL("http://127.0.0.1:" + port + "/");
    assertThat(page.locator("#job-" + id)).hasCount(0);
  }

  /** Opens the raster by keyboard and looks at the picture. */
  private void showsRaster(Page page) throws IOException {
    page.locator("#raster summary").press("Enter");
    var picture = page.locator("#raster img");
    assertThat(picture).isVisible();
    assertThat(picture)
        .hasAttribute("alt", Pattern.compile("Spikes of the first sample in layer .+"));
    assertThat((int) picture.evaluate("image => image.naturalWidth")).isEqualTo(760);
    isAccessible(page);
    keep(page, "raster-" + page.url().replaceFirst(".*/(jobs|models)/.*", "$1"));
  }

  @Test
  void chartsKeepTheirZoomAndAreReadByKeyboard() throws IOException {
    var page = open("/");
    var id = submit(page, "jobs", SHORT.formatted("zoomed", 100_000_000, "charts"));
    page.navigate("http://127.0.0.1:" + port + "/jobs/" + id);
    assertThat(page.locator("#curves figure"))
        .hasCount(3, new LocatorAssertions.HasCountOptions().setTimeout(TRAINING_MS));
    assertThat(page.locator("#summary")).containsText(Pattern.compile("epoch \\d{3,} of"));
    var chart = page.locator("#curves .u-over").first();
    chart.press("Home");
    assertThat(chart).hasAttribute("aria-valuenow", "0");
    assertThat(chart).hasAttribute("aria-valuetext", Pattern.compile("epoch 0: model .*, gate.*"));
    chart.press("+");
    var whole = page.locator("#whole-range");
    assertThat(whole).isEnabled();
    var epoch = page.locator("#summary .progress").textContent();
    assertThat(page.locator("#summary .progress")).not().hasText(epoch);
    assertThat(whole).isEnabled();
    press(page, "Cancel");
    hasStatus(page, "cancelled");
    assertThat(whole).isEnabled();
    whole.click();
    assertThat(whole).isDisabled();
    var entry = page.locator("#curves .u-legend [role=button]").first();
    entry.press("Enter");
    assertThat(entry).hasAttribute("aria-pressed", "false");
    page.locator("[name=axis]").selectOption("log");
    page.locator("[name=smoothing]").selectOption("10");
    assertThat(page.locator("#curves figcaption").first())
        .hasText("Synops per sample, logarithmic, smoothed over 10 epochs");
    assertThat(page.locator("#curves .u-legend [role=button]").first())
        .hasAttribute("aria-pressed", "false");
    page.locator("#epoch-table summary").click();
    assertThat(page.locator("#epoch-table tbody tr")).hasCount(100);
    page.getByText("Earlier epochs").click();
    assertThat(page.locator("#epoch-table tbody tr")).hasCount(200);
    // The service sends UTC; the browser of this test is elsewhere.
    assertThat((String) page.evaluate("document.querySelector('.events time').title"))
        .endsWith("UTC");
    assertThat((String) page.evaluate("document.querySelector('.events time').textContent"))
        .doesNotContain("UTC");
    isAccessible(page);
    keep(page, "job-zoomed");
  }

  @Test
  void aSweepIsStartedByTheForm() throws IOException {
    var page = open("/sweeps/new");
    isAccessible(page);
    page.locator("[name=job]").fill(SHORT.formatted("swept", 2, "sweep"));
    page.locator("[name=over]").fill("epoch = 1, 2");
    press(page, "Start the sweep");
    assertThat(page.locator("#over-error")).containsText("epoch");
    page.locator("[name=over]").fill("epochs = 1, 2\noptimizer/learning_rate = 0.001, 0.01");
    page.locator("[name=seeds]").fill("");
    press(page, "Start the sweep");
    page.waitForURL(Pattern.compile(".*/sweeps/[^/]{36}"));
    assertThat(page.locator("#members tbody tr")).hasCount(4);
    hasStatus(page, "succeeded");
    page.locator("#clone").click();
    assertThat(page.locator("[name=over]"))
        .hasValue("epochs = 1, 2\noptimizer/learning_rate = 0.001, 0.01");
  }

  @Test
  void searchIsStartedByTheFormAndShowsItsFront() throws IOException {
    var page = open("/searches/new");
    isAccessible(page);
    page.locator("[name=search]").fill(search().replace("0.001", "0"));
    press(page, "Start the search");
    assertThat(page.locator("#search-error")).containsText("must be above 0");
    page.locator("[name=search]").fill(search());
    press(page, "Start the search");
    page.waitForURL(Pattern.compile(".*/searches/[^/]{36}"));
    hasStatus(page, "succeeded");
    assertThat(page.locator("#summary tbody tr")).hasCount(3);
    assertThat(page.locator("#summary")).containsText("on the front");
    assertThat(page.locator("#summary")).containsText("stopped");
    assertThat(page.locator("[data-drawing=hypervolume] circle")).hasCount(2);
    assertThat(page.locator("[data-drawing=pareto] a")).hasCount(3);
    isAccessible(page);
    page.locator("[data-drawing=pareto] a").first().press("Enter");
    page.waitForURL(Pattern.compile(".*/jobs/.+"));
  }

  @Test
  void aPhoneShows27JobsInLessThanThreeScreens() {
    var page = open("/", 390, 844, ColorScheme.LIGHT);
    var last = "";
    for (int i = 0; i < 27; i++) {
      last = submit(page, "jobs", SHORT.formatted("job " + i, 1, "phone"));
    }
    page.navigate("http://127.0.0.1:" + port + "/jobs/" + last);
    hasStatus(page, "succeeded");
    page.navigate("http://127.0.0.1:" + port + "/?label=group:phone");
    assertThat(page.locator("#jobs tbody tr")).hasCount(27);
    assertThat((int) page.evaluate("document.documentElement.scrollHeight")).isLessThan(3 * 844);
    isNoWiderThanItsWindow(page);
    keep(page, "list-phone");
  }

  @Test
  void listUpdatesByItselfAndKeepsSelection() {
    var page = open("/?show=succeeded");
    submit(page, "jobs", DIGITS.formatted("arrives", 2));
    var row = page.locator("#jobs tr:has-text('arrives')");
    assertThat(row).hasCount(1, new LocatorAssertions.HasCountOptions().setTimeout(TRAINING_MS));
    row.getByRole(AriaRole.CHECKBOX).check();
    submit(page, "jobs", DIGITS.formatted("comes later", 2));
    assertThat(page.locator("#jobs tr:has-text('comes later')"))
        .hasCount(1, new LocatorAssertions.HasCountOptions().setTimeout(TRAINING_MS));
    assertThat(row.getByRole(AriaRole.CHECKBOX)).isChecked();
  }

  @Test
  void sweepPageIsUsableByKeyboard() throws IOException {
    var page = open("/sweeps");
    isAccessible(page);
    submit(page, "sweeps", sweep(3));
    page.reload();
    isAccessible(page);
    page.locator("#sweeps a").first().press("Enter");
    page.waitForURL(Pattern.compile(".*/sweeps/.+"));
    hasStatus(page, "succeeded");
    assertThat(page.locator("#members tbody tr")).hasCount(4);
    assertThat(page.locator("#summary")).containsText("4 of 4 jobs");
    assertThat(page.locator("#summary")).containsText("on the front");
    // Each outcome leads to its job, in both drawings.
    assertThat(page.locator("[data-drawing=pareto] a")).hasCount(4);
    assertThat(page.locator("[data-drawing=parallel] a")).hasCount(4);
    isAccessible(page);
    page.locator("[data-drawing=pareto] a").first().press("Enter");
    page.waitForURL(Pattern.compile(".*/jobs/.+"));
  }

  @Test
  void buttonCancelsSweep() {
    var page = open("/sweeps");
    submit(page, "sweeps", sweep(1_000_000));
    page.reload();
    page.locator("#sweeps a").first().click();
    page.waitForURL(Pattern.compile(".*/sweeps/.+"));
    hasStatus(page, "running");
    page.locator("#do-cancel").press("Enter");
    hasStatus(page, "cancelled");
    assertThat(page.locator("#do-cancel")).hasCount(0);
  }

  @Test
  void datasetPageShowsSamplesClassesDensityAndAssumptions() throws IOException {
    var request = playwright.request().newContext();
    var events = new ClassPathResource("cases/ev_macos.zip").getContentAsByteArray();
    var uploaded =
        request.post(
            "http://127.0.0.1:%d/api/v1/datasets".formatted(port),
            RequestOptions.create()
                .setMultipart(
                    FormData.create()
                        .set("name", "Recordings")
                        .set("events", new FilePayload("a.zip", "application/zip", events))
                        .set("time_steps", "4")
                        .set("height", "34")
                        .set("width", "34")));
    assertThat(uploaded.status()).as(uploaded.text()).isIn(200, 201);
    var path = uploaded.headers().get("location").replace("/api/v1", "");
    request.dispose();
    for (var scheme : List.of(ColorScheme.LIGHT, ColorScheme.DARK)) {
      var page = open(path, scheme == ColorScheme.LIGHT ? 1280 : 390, 900, scheme);
      assertThat(page.locator("h1")).hasText("Recordings");
      var sample = page.getByAltText("Sample 0, class 0");
      sample.scrollIntoViewIfNeeded();
      page.waitForCondition(
          () -> (Boolean) sample.evaluate("image => image.complete && image.naturalWidth > 100"));
      // Four equal windows of the recording hold 271, 263, 228 and 238 events.
      var density = page.locator("svg.density polyline").getAttribute("points").split(" ");
      assertThat(density).hasSize(4);
      assertThat(density[0]).isEqualTo("0.0,0.0");
      assertThat(density[2])
          .isEqualTo(String.format(Locale.ROOT, "400.0,%.1f", 80 * (1 - 228 / 271.0)));
      var classes = page.getByRole(AriaRole.ROW);
      assertThat(classes.nth(1)).containsText("0");
      assertThat(page.getByLabel("Share of class 0")).hasAttribute("value", "1");
      assertThat(page.locator("main")).containsText("time_unit: us");
      assertThat(page.locator("main")).containsText("__MACOSX/0/._a.npy");
      isAccessible(page);
      isNoWiderThanItsWindow(page);
      keep(page, "dataset-" + scheme.name().toLowerCase(Locale.ROOT));
      page.close();
    }
  }

  @Test
  void missingResourceShowsProblemPageWithLinkBack() throws IOException {
    for (var path : List.of("/jobs/nothing", "/sweeps/", "/" + "nonsense".repeat(40))) {
      for (var scheme : List.of(ColorScheme.LIGHT, ColorScheme.DARK)) {
        var page = open(path, scheme == ColorScheme.LIGHT ? 1280 : 390, 844, scheme);
        assertThat(page.locator("main")).containsText("Not found");
        assertThat(page.locator("main")).containsText(path);
        isAccessible(page);
        isNoWiderThanItsWindow(page);
        keep(page, "not-found-" + scheme.name().toLowerCase(Locale.ROOT));
        page.getByText("All jobs").click();
        assertThat(page.locator("h1")).hasText("Jobs");
        page.close();
      }
    }
  }
}
