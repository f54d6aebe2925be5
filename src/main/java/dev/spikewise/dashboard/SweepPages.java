package dev.spikewise.dashboard;

import dev.spikewise.sweep.Sweep;
import dev.spikewise.sweep.Sweeps;
import java.util.UUID;
import java.util.stream.Collectors;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;

/** The pages of sweeps. */
@Controller
@RequestMapping("/sweeps")
class SweepPages {

  private static final int LISTED = 50;

  private final Sweeps sweeps;

  SweepPages(Sweeps sweeps) {
    this.sweeps = sweeps;
  }

  @GetMapping
  String list(@RequestParam(defaultValue = "" + Long.MAX_VALUE) long cursor, Model page) {
    var found = sweeps.list(LISTED, cursor);
    page.addAttribute("sweeps", found.data());
    page.addAttribute("nextCursor", found.nextCursor());
    return "sweeps";
  }

  @GetMapping("/{id}")
  String sweep(@PathVariable UUID id, Model page) {
    var sweep = sweeps.get(id);
    page.addAttribute("sweep", sweep);
    page.addAttribute(
        "front", sweep.paretoFront().stream().map(Sweep.Point::job).collect(Collectors.toSet()));
    return "sweep";
  }
}
