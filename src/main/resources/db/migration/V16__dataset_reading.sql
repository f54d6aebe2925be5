-- What was read, assumed and left out when a data set was uploaded, as JSON; null for data sets of earlier versions.
alter table dataset add column reading text;
