package dev.spikewise.dashboard;

import dev.spikewise.web.Links;
import org.springframework.web.bind.annotation.ControllerAdvice;
import org.springframework.web.bind.annotation.ModelAttribute;

/** Gives each page what comes before the paths of this service, for its links. */
@ControllerAdvice(basePackageClasses = PageBase.class)
class PageBase {

  @ModelAttribute("base")
  String base() {
    return Links.base();
  }
}
