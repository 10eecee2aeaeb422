/** What is used of @huggingface/hub, by name, so that a bundler leaves the rest of it out: it is loaded when a repository is opened. */
export { datasetInfo, fileDownloadInfo, HubApiError, listFiles, modelInfo } from '@huggingface/hub';
